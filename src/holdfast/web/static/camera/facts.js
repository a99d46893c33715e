// What the camera does and how complete today is, beside its picture: asked again with each change of the node, so that
// it does not contradict the strip. Words and figures are the server's (templates/camera-facts.html).

import { nowUs, on, stateOf, worstByCamera } from "../app.js";
import { clockWords, utcWords } from "../player/words.js";

const SOON_MS = 250; // chosen: several changes at once are one
const LOOK_MS = 20000; // chosen: bit rate, and today's percent while nothing changes
const RETRY_MS = 5000;
const ANSWER_MS = 10000;

/** Keep what stands there current. `player` may be null; where it loses the server, it is asked for at once. */
export function facts(camera, player) {
  const box = document.getElementById("camera-facts");
  const old = document.getElementById("facts-old");
  const badge = document.getElementById("camera-state");
  let timer = null, asking = false, wanted = false, asOf = nowUs();

  function show(health, state) {
    badge.dataset.health = health;
    badge.querySelector(".dot").dataset.health = health;
    if (badge.lastElementChild.textContent !== state) badge.lastElementChild.textContent = state;
  }

  function take(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("camera-facts");
    const focused = box.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const before = [...box.children], after = [...fresh.children];
    if (before.length !== after.length) box.replaceChildren(...after);
    else before.forEach((part, n) => { if (!part.isEqualNode(after[n])) part.replaceWith(after[n]); });
    if (focused) [...box.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
    show(fresh.dataset.health, fresh.dataset.state);
  }

  async function look() {
    if (asking) { wanted = true; return; }
    asking = true;
    let after = LOOK_MS;
    try {
      const answer = await fetch(`/cameras/${encodeURIComponent(camera)}/facts`, { signal: AbortSignal.timeout(ANSWER_MS) });
      if (answer.redirected || answer.status === 401) throw new Error("you were signed out");
      if (!answer.ok) throw new Error("the server cannot say just now");
      take(await answer.text());
      asOf = nowUs();
      old.hidden = true;
      old.textContent = "";
    } catch (error) {
      after = RETRY_MS;
      const why = error.name === "Error" ? error.message : "the server does not answer";
      old.hidden = false;
      old.title = utcWords(asOf);
      old.textContent = `as it was at ${clockWords(asOf)}: ${why}`;
    }
    asking = false;
    soon(wanted ? SOON_MS : after);
    wanted = false;
  }

  function soon(ms = SOON_MS) {
    clearTimeout(timer);
    timer = setTimeout(() => { if (document.hidden) soon(LOOK_MS); else look(); }, ms);
  }

  on((now) => {
    const stream = worstByCamera(now.streams).get(camera);
    if (stream) show(stream.health, stateOf(stream));
    soon();
  });
  let trouble = "";
  player?.addEventListener("hf-state", ({ detail }) => {
    const kind = detail.trouble?.kind || "";
    if (kind !== trouble) soon();
    trouble = kind;
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  soon(LOOK_MS);
}
