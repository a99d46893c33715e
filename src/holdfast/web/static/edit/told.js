// What thresholds would have told of what was measured, while somebody changes them: nothing is saved by it.

import { make, nowUs } from "../app.js";
import { clockWords, lengthWords, nearWords } from "../player/words.js";

const LATER_MS = 400; // chosen: nobody wants an answer to half a number
const SPANS = { 1: "last hour", 2: "last two hours", 5: "last five hours" };
const SHOWN = 6; // moments of a kind that are named
const NAMES = { blackscreen: "Black picture", freeze: "Frozen picture", audio_loss: "No sound", macroblocks: "Damaged picture", errors: "Errors" };

const box = document.getElementById("told");
const fields = [...document.querySelectorAll('[name^="watch."]')];

/** What was changed and is not saved, as the address of previews takes it. */
function draft() {
  const watch = {};
  for (const field of fields) {
    if (field.disabled) continue;
    const key = field.name.slice("watch.".length), text = field.value.trim();
    const was = field.tagName === "SELECT" ? [...field.options].find((one) => one.defaultSelected)?.value : field.defaultValue;
    if (text === was) continue;
    if (field.tagName === "SELECT") watch[key] = text === "yes";
    else if (key === "region" || text) watch[key] = key === "region" || Number.isNaN(Number(text)) ? text : Number(text);
  }
  return watch;
}

const byType = (told) => Map.groupBy ? Map.groupBy(told, (one) => one.incident_type)
  : told.reduce((found, one) => found.set(one.incident_type, [...(found.get(one.incident_type) || []), one]), new Map());

function words(told, last_us) {
  if (!told?.length) return "none";
  const whole = told.reduce((sum, one) => sum + ((one.end_us ?? last_us) - one.start_us), 0);
  return `${told.length}, ${lengthWords(whole)} in all`;
}

function begin() {
  const hours = make("select", { class: "input slim", "aria-label": "Span" }, ...Object.entries(SPANS).map(([value, text]) => make("option", { value, selected: value === "2" }, text)));
  const said = make("p", { class: "quiet small", role: "status" }), list = make("ul", { class: "told-list" });
  box.append(make("div", { class: "row" }, make("h3", {}, "What this would have told"), hours), said, list);
  box.hidden = false;
  let timer = null, number = 0, open = false;

  async function look() {
    const mine = ++number, watch = draft();
    box.setAttribute("aria-busy", "true");
    try {
      const query = new URLSearchParams({ from: Math.round(nowUs() - Number(hours.value) * 3600e6), to: Math.round(nowUs()) });
      const answer = await fetch(`/api/v1/cameras/${encodeURIComponent(box.dataset.camera)}/watch/preview?${query}`, {
        method: "POST", body: JSON.stringify({ watch }), headers: { "Content-Type": "application/json", Accept: "application/json" },
        signal: AbortSignal.timeout(20000),
      });
      const body = await answer.json();
      if (mine !== number) return;
      if (answer.ok) show(body, Object.keys(watch).length > 0);
      else wrong(body.error.message);
    } catch {
      if (mine === number) wrong("The server does not answer just now");
    }
    if (mine === number) box.removeAttribute("aria-busy");
  }

  function wrong(text) {
    said.textContent = text;
    list.replaceChildren();
  }

  function show(body, isChanged) {
    const unseen = body.unseen.map((key) => document.querySelector(`label[for="f-watch.${key}"]`)?.textContent || key);
    const parts = [body.looks ? `${body.looks} looks from ${nearWords(body.first_us, nowUs())} to ${clockWords(body.last_us)} are judged again` : "Nothing was measured in this span",
      body.more ? "there were more" : "", unseen.length ? `${unseen.join(", ")}: shows in what is measured from now on` : ""];
    said.textContent = `${parts.filter(Boolean).join("; ")}.`;
    const now = byType(body.now), then = byType(body.then);
    list.replaceChildren(...[...new Set([...now.keys(), ...then.keys()])].map((type) => {
      const told = then.get(type) || [], same = words(now.get(type), body.last_us) === words(told, body.last_us);
      const moments = told.slice(-SHOWN).reverse().map((one) => make("a", { href: `/cameras/${encodeURIComponent(box.dataset.camera)}?at=${one.start_us - 2e6}`, target: "_blank" }, nearWords(one.start_us, nowUs())));
      return make("li", {}, make("strong", {}, NAMES[type] || type), make("span", {}, words(told, body.last_us)),
        isChanged && !same ? make("span", { class: "badge accent" }, `as it is saved: ${words(now.get(type), body.last_us)}`) : null, ...moments);
    }));
    if (body.looks && !list.children.length) list.append(make("li", { class: "quiet" }, "No incident, neither as it is saved nor like this."));
  }

  function soon() {
    clearTimeout(timer);
    if (open) timer = setTimeout(look, LATER_MS);
  }
  for (const field of fields) field.addEventListener("input", soon);
  hours.addEventListener("change", soon);
  // Nothing is asked for before somebody comes by.
  new IntersectionObserver((entries, watcher) => {
    if (!entries.some((one) => one.isIntersecting)) return;
    watcher.disconnect();
    open = true;
    look();
  }).observe(box);
}

if (box && fields.length) begin();
