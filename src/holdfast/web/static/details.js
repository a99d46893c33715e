// A camera's details in a dialog, from the strip: what it is doing and since when, where it is, and a test on demand.
//
// What the page knows already stands there at once; the rest follows, and is asked for anew while the dialog is open.

import { capital, dialog, make, node, nowUs, span, stateOf } from "./app.js";
import { clockWords, nearWords } from "./player/words.js";

const RENEW_MS = 2000; // chosen: status files are written each second
const ANSWER_MS = 10000; // chosen: who answers later is away
const MAY_TEST = new Set(["operator", "admin"]);
const CODECS = { h264: "H.264", hevc: "H.265", aac: "AAC", opus: "Opus", mjpeg: "MJPEG", pcm_mulaw: "G.711", pcm_alaw: "G.711" };
const HEADS = { OK: ["well", "Answers"], MISMATCH: ["degraded", "Not as expected"], ERROR: ["lost", "No answer"] };

const kind = (track) => CODECS[track.codec] || (track.codec || "").toUpperCase();

async function ask(address, options = {}) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS), ...options });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const said = body.error || {};
  const words = answer.status === 401 ? "You were signed out" : said.message || "The server gave no answer";
  throw Object.assign(new Error(words), { hint: answer.status === 401 ? "load this page again to sign in" : said.hint || "" });
}

/** Say since when: `14:03:27, for 12 min`, with the day where that was another one. */
const since = (us) => `${nearWords(us, nowUs())}, for ${span((nowUs() - us) / 1e6)}`;

function fact(list, name, value) {
  if (value || value === 0) list.append(make("dt", {}, name), make("dd", {}, String(value)));
}

function badge(health, words) {
  return make("span", { class: "badge", "data-health": health }, make("span", { class: "dot", "data-health": health }), words);
}

function streamFacts(stream) {
  const list = make("dl", { class: "facts" });
  const video = (stream.tracks || []).find((track) => track.kind === "video");
  const sound = (stream.tracks || []).find((track) => track.kind === "audio");
  const recording = stream.state === "recording" && stream.fresh;
  fact(list, "State", capital(stream.words));
  const from = stream.gap_since_us ?? stream.since_us;
  fact(list, "Since", from > 0 && since(from));
  fact(list, "What to do", capital(stream.hint || ""));
  fact(list, "Picture", video && [`${video.width}×${video.height}`, kind(video)].join(", "));
  fact(list, "Pictures a second", recording && stream.fps && `${stream.fps.toFixed(1)} fps`);
  fact(list, "Bit rate", recording && stream.bitrate_bps && `${(stream.bitrate_bps / 1e6).toFixed(stream.bitrate_bps < 1e6 ? 2 : 1)} Mb/s`);
  fact(list, "Sound", sound && kind(sound));
  fact(list, "Newest picture", stream.frame_age_s == null ? "none yet"
    : stream.frame_age_s < 2 ? "less than 2 s old" : `${span(stream.frame_age_s)} old`);
  fact(list, "Connected anew", stream.fresh && (stream.restarts === 1 ? "once" : `${stream.restarts || 0} times`));
  fact(list, "Lost since start", stream.lost_s >= 1 && span(stream.lost_s));
  return make("section", { class: "stack tight" },
    make("div", { class: "row" }, make("h3", {}, stream.stream === "main" ? "Main stream" : "Sub stream"),
      badge(stream.health, stateOf(stream))), list);
}

function verdict(found) {
  const [health, head] = HEADS[found.outcome] || ["lost", found.outcome];
  const sent = (found.tracks || []).map((track) => [kind(track), track.width && `${track.width}×${track.height}`,
    track.frame_rate && `${Number(track.frame_rate.toFixed(2))} fps`, track.sample_rate && `${track.sample_rate} Hz`]
    .filter(Boolean).join(" ")).join(", ");
  const lines = [...(sent ? [`Sends ${sent}`] : []), ...found.fields, found.cause && capital(found.cause)].filter(Boolean);
  return make("li", { "data-outcome": found.outcome },
    make("div", { class: "row" }, make("strong", {}, found.stream === "main" ? "Main stream" : "Sub stream"), badge(health, head),
      make("span", { class: "quiet small" }, `in ${found.took_s.toFixed(1)} s`)),
    ...lines.map((words) => make("p", { class: "quiet" }, words)),
    found.fix ? make("p", {}, `What to do: ${found.fix}`) : null);
}

const instantWords = (us) => (nowUs() - us < 60e6 ? clockWords(us) : `${clockWords(us)}, ${span((nowUs() - us) / 1e6)} ago`);

/** What came of asking a camera last, and for whoever may, asking it now: a button, how long it takes, what came of it. */
function tester(camera, may) {
  const said = make("ul", { class: "stack tight verdicts" });
  const wait = make("span", { class: "quiet" });
  const busy = make("span", { class: "quiet", "aria-hidden": "true" });
  const button = make("button", { class: "button", type: "button" }, "Test now");
  const leaving = new AbortController();
  let asking = false;
  ask(`/api/v1/checks?camera=${camera}`).then(({ items: [last] }) => {
    if (!last || asking) return;
    said.replaceChildren(...last.verdicts.map(verdict));
    wait.textContent = `Tested at ${instantWords(last.at_us)}`;
  }, () => {}); // what came of it last is worth no words about why it is not known
  button.addEventListener("click", async () => {
    if (asking) return;
    asking = true;
    button.setAttribute("aria-busy", "true");
    button.setAttribute("aria-disabled", "true");
    said.replaceChildren();
    wait.textContent = "Asking the camera …";
    const began = performance.now();
    const count = setInterval(() => { busy.textContent = `${Math.floor((performance.now() - began) / 1000)} s`; }, 1000);
    try {
      // As long as the camera may take: the server has a deadline of its own.
      const found = await ask(`/api/v1/cameras/${camera}/test`, { method: "POST", signal: leaving.signal });
      said.replaceChildren(...found.items.map(verdict));
      wait.textContent = `Tested at ${instantWords(nowUs())}`;
    } catch (error) {
      wait.textContent = "";
      const words = error instanceof TypeError ? "The server does not answer" : error.message;
      if (!leaving.signal.aborted) said.replaceChildren(make("li", {}, make("strong", {}, capital(words)), error.hint ? make("p", {}, capital(error.hint)) : null));
    } finally {
      asking = false;
      clearInterval(count);
      busy.textContent = "";
      button.removeAttribute("aria-busy");
      button.removeAttribute("aria-disabled");
    }
  });
  const box = make("section", { class: "stack tight" }, make("div", { class: "row" }, may ? button : null,
    make("span", { role: "status" }, wait), busy), make("div", { "aria-live": "polite" }, said));
  return { box, stop: () => leaving.abort() };
}

/** Show what is known of a camera. */
export function details(camera) {
  const streams = make("div", { class: "stack" });
  const place = make("dl", { class: "facts" });
  const showStreams = (all) => {
    const own = all.filter((stream) => stream.camera === camera);
    streams.replaceChildren(...(own.length ? own.map(streamFacts)
      : [make("p", { class: "quiet" }, "This camera was just added and is about to be recorded.")]));
  };
  showStreams(node.streams);
  const parts = [streams, place];
  const test = tester(camera, MAY_TEST.has(node.right));
  parts.push(test.box);
  const open = make("a", { class: "button main", href: `/cameras/${camera}` }, "Open camera");
  const box = dialog(node.names[camera] || camera, ...parts, make("div", { class: "row" }, open));

  ask(`/api/v1/cameras/${camera}`).then((known) => {
    fact(place, "Id", known.name !== known.id && known.id);
    fact(place, "Site", known.site);
    fact(place, "Location", known.location);
    fact(place, "Address", known.address);
  }, () => {}); // without it the rest is still true
  let timer = null;
  const renew = async () => {
    if (!document.hidden) {
      try { showStreams((await ask("/api/v1/streams")).streams); } catch { /* the bar says that the server is away */ }
    }
    if (box.open) timer = setTimeout(renew, RENEW_MS);
  };
  renew();
  box.addEventListener("close", () => {
    clearTimeout(timer);
    test.stop();
  });
}

/** Show all cameras with their states, where the strip is a count: each leads to its details. */
export function everyCamera(items) {
  const list = make("ul", { class: "every-camera" }, ...items.map((item) => {
    const copy = item.cloneNode(true);
    copy.classList.add("shown");
    return make("li", {}, copy);
  }));
  const box = dialog("Cameras", list);
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[data-camera]");
    if (!item) return;
    event.preventDefault();
    box.close();
    details(item.dataset.camera);
  });
}
