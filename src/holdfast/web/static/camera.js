// The camera page: the player, its timeline and the buttons between them; keys; what is downloaded.

import { dialog, keys, make, node, nowUs, toast, zoned } from "./app.js";
import "./player.js";
import "./timeline.js";
import { byDay, clipAddress, LONGEST_US } from "./camera/clips.js";
import { charts } from "./camera/charts.js";
import { choice } from "./camera/choice.js";
import { facts } from "./camera/facts.js";
import { eventLane } from "./camera/events.js";
import { incidentLane, laneList } from "./camera/incidents.js";
import { watched } from "./camera/live.js";
import { notes } from "./camera/notes.js";
import { clockWords, dayWords, lengthWords, utcWords } from "./player/words.js";
import { DAY, HOUR, instant, midnight, offsetUs } from "./timeline/scale.js";

const camera = document.getElementById("camera").dataset.camera;
const api = `/api/v1/cameras/${encodeURIComponent(camera)}`;
const player = document.getElementById("player");
const timeline = document.getElementById("timeline");
const byId = (id) => document.getElementById(id);
const mark = { from: null, to: null };

// --- the deck --------------------------------------------------------------------------------------------------------------

function shownUs() { return player.wallUs ?? Math.round(nowUs()); }

function setMark(part, us) {
  mark[part] = us;
  if (mark.from !== null && mark.to !== null && mark.from >= mark.to) mark[part === "from" ? "to" : "from"] = null;
  timeline.mark = { ...mark };
  timeline.redraw();
  const { from, to } = mark;
  byId("range").textContent = from !== null && to !== null ? lengthWords(to - from) : from !== null ? `from ${clockWords(from)}`
    : to !== null ? `to ${clockWords(to)}` : "";
  const link = byId("hand-on"); // for operators alone
  if (!link) return;
  link.hidden = from === null || to === null;
  link.href = link.hidden ? "/exports" : `/exports?camera=${camera}&from=${Math.round(from)}&to=${Math.round(to)}`;
}

function clip() {
  const from = mark.from ?? (mark.to !== null ? mark.to - 60e6 : null);
  if (from === null) { toast("Mark where the clip begins with i, and where it ends with o"); return; }
  const to = mark.to ?? shownUs();
  if (to - from < 1000) { toast("The clip has no length: mark its end after its begin"); return; }
  if (to - from > LONGEST_US) { byDay(api, from, to); return; }
  save(clipAddress(api, from, to));
  toast(`Clip of ${lengthWords(to - from)} is on its way`);
}

function save(address, name = "") {
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

function still() {
  const us = shownUs();
  const stamp = `${dayWords(us)} ${clockWords(us)}`.replaceAll(/[ :]/g, "-");
  save(`${api}/still.jpg?at=${us}`, `${camera}-${stamp}.jpg`);
}

const LEAD_US = 2_000_000; // what led to a gap or note is shown first
let jumping = Promise.resolve(); // one after the other: each goes on from where the one before it led

function jump(direction) {
  jumping = jumping.then(async () => {
    // From just before a mark forwards is the mark after it; a second behind it, back is the mark again.
    const from = shownUs() + (direction > 0 ? LEAD_US + 500_000 : -1_000_000);
    let found;
    try { found = await timeline.known.beside(from, direction); } catch {
      toast("Gaps and notes cannot be read just now: the server does not answer", { bad: true });
      return;
    }
    if (found.at_us === null) toast(direction > 0 ? "There is no later gap or note" : "There is no earlier gap or note");
    else go(found.at_us - LEAD_US);
  });
}

function go(us) {
  player.play(us);
  timeline.reveal(us);
}

function by(seconds) {
  let us = shownUs() + seconds * 1e6;
  // Back over a gap, not to where it ends again.
  for (let gap = timeline.known.gapAt(us); seconds < 0 && gap; gap = timeline.known.gapAt(us)) us = gap.start_us - 4e6;
  player.seek(us);
  timeline.reveal(Math.min(us, nowUs()));
}

/** Read what somebody typed as the site's time: 14:03, 14:03:27, 2026-05-01 14:03, yesterday 9:00, now. */
function typed(text) {
  const words = text.trim().toLowerCase();
  if (!words || words === "now" || words === "live") return "live";
  const found = /^(?:(\d{4})-(\d{1,2})-(\d{1,2})|(today|yesterday))?[ t,]*(?:(\d{1,2})[:.](\d{2})(?:[:.](\d{2}(?:\.\d+)?))?)?$/.exec(words);
  if (!found) return null;
  const [, year, month, day, word, hour = 0, minute = 0, second = 0] = found;
  if (hour > 23 || minute > 59 || second >= 60) return null;
  const shown = midnight(shownUs()), base = word ? midnight(nowUs(), word === "yesterday" ? -1 : 0) : shown;
  const date = year ? Date.UTC(year, month - 1, day) * 1000 : base + offsetUs(base);
  return Math.round(instant(date + hour * HOUR + minute * 60e6 + second * 1e6));
}

function askTime() {
  const field = make("input", { class: "input", id: "go-time", placeholder: "14:03:27", autocomplete: "off", value: clockWords(shownUs()) });
  const wrong = make("p", { class: "wrong", hidden: true }, "This is no time: write 14:03, 2026-05-01 14:03 or yesterday 9:00");
  const form = make("form", { class: "stack", method: "dialog" },
    make("div", { class: "field" }, make("label", { for: "go-time" }, "Time at the site"), field,
      make("p", { class: "help" }, "14:03 on the day that is shown, 2026-05-01 14:03, yesterday 9:00, or now"), wrong),
    make("div", { class: "row" }, make("button", { class: "button main" }, "Go")));
  const box = dialog("Go to a time", form);
  field.select();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const where = typed(field.value);
    if (where === null) {
      wrong.hidden = false;
      field.setAttribute("aria-invalid", "true");
      return;
    }
    box.close();
    if (where === "live") live(); else go(where);
  });
}

function live() {
  player.play("live");
  timeline.reveal(nowUs());
}

function full() {
  const box = byId("watch");
  if (document.fullscreenElement) document.exitFullscreen();
  else if (box.requestFullscreen) box.requestFullscreen().catch(() => {});
  else player.video.webkitEnterFullscreen?.();
}

function mute() {
  player.video.muted = !player.video.muted;
  byId("mute").setAttribute("aria-pressed", String(!player.video.muted));
}

function spanOf(name) {
  const at = timeline.at ?? nowUs();
  if (name === "day") return [midnight(at), midnight(at, 1)];
  if (name === "month") return [midnight(at, 0, { month: true }), midnight(at, 1, { month: true })];
  const width = { hour: HOUR, week: 7 * DAY, year: 365 * DAY }[name];
  const end = Math.min(at + width / 2, nowUs() + width * 0.04);
  return [end - width, end];
}

const acts = {
  prev: () => jump(-1), next: () => jump(1), toggle: () => player.toggle(), back: () => player.step(-1), on: () => player.step(1), goto: askTime, live, clip, still, mute, full,
  in: () => setMark("from", shownUs()), out: () => setMark("to", shownUs()), near: () => timeline.zoom(0.5), far: () => timeline.zoom(2),
};

function begin() {
  byId("deck").hidden = false;
  byId("line").hidden = false;
  byId("watch").addEventListener("click", (event) => {
    const button = event.target.closest("[data-act], [data-span]");
    if (!button) return;
    if (button.dataset.act) acts[button.dataset.act]();
    else timeline.show(...spanOf(button.dataset.span));
  });
  byId("speed").addEventListener("change", ({ target }) => { player.speed = Number(target.value); target.blur(); });
  byId("quality").addEventListener("change", ({ target }) => { player.tier = target.value; target.blur(); });

  const steps = document.querySelectorAll('[data-act="back"], [data-act="on"]');
  const timeButton = byId("time").closest("button");
  player.addEventListener("hf-time", ({ detail: { us, live: isLive } }) => {
    if (us === null) return;
    timeline.live = isLive;
    timeline.at = us;
    const clock = clockWords(us), date = `${dayWords(us)} ${zoned(us).offset}`;
    if (byId("time").textContent !== clock) byId("time").textContent = clock;
    if (byId("date").textContent !== date) byId("date").textContent = date;
    const hint = `${utcWords(us)} · go to a time (g)`;
    if (timeButton.title !== hint) timeButton.title = hint;
  });
  player.addEventListener("hf-state", ({ detail }) => {
    const toggle = byId("toggle");
    toggle.toggleAttribute("data-playing", !detail.paused);
    for (const one of steps) one.hidden = !detail.paused;
    toggle.setAttribute("aria-label", detail.paused ? "Play" : "Pause");
    byId("to-live").setAttribute("aria-pressed", String(detail.live));
    byId("to-live").toggleAttribute("data-now", detail.now);
    byId("to-live").querySelector(".dot").dataset.health = detail.now ? "well" : detail.live ? "degraded" : "off";
    const speed = String(Math.abs(detail.speed));
    if (byId("speed").value !== speed) byId("speed").value = speed;
    if (byId("quality").value !== detail.tier) byId("quality").value = detail.tier;
    const address = new URL(location.href);
    if (detail.live) address.searchParams.delete("at");
    else if (detail.paused && player.wallUs) address.searchParams.set("at", Math.round(player.wallUs));
    if (address.href !== location.href) history.replaceState(null, "", address);
  });
  timeline.addEventListener("hf-seek", ({ detail: { us } }) => player.play(us));
  byId("camera").addEventListener("click", (event) => {
    const link = event.target.closest("[data-at]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(Number(link.dataset.at) - LEAD_US);
  });
  watched(player);
  if (byId("charts")) charts(byId("charts"), { camera, timeline, go });
  const list = byId("incident-list");
  if (list) laneList(list, timeline, [incidentLane(camera), ...("events" in list.dataset ? [eventLane(camera)] : [])].map((one) => timeline.lane(one)));
  const write = notes(camera, { shownUs, go, written: (note) => { timeline.known.add(note); timeline.redraw(); } });
  addEventListener("keydown", (event) => {
    if (event.key !== " " || event.defaultPrevented || event.target.closest?.("button, a, summary, input, select, textarea, dialog")) return;
    event.preventDefault();
    player.toggle();
  });
  keys({
    "Space": ["Play or pause", null],
    "ArrowLeft": ["5 s back, 60 s with shift", (event) => by(event.shiftKey ? -60 : -5)],
    "ArrowRight": ["5 s on, 60 s with shift", (event) => by(event.shiftKey ? 60 : 5)],
    ",": ["A picture back", () => player.step(-1)], ".": ["A picture on", () => player.step(1)],
    "j": ["Slower, then backwards", () => player.shuttle(-1)], "k": ["Pause", () => player.pause()],
    "l": ["Play, then faster", () => player.shuttle(1)],
    "i": ["The clip begins here", acts.in], "o": ["The clip ends here", acts.out],
    "d": ["Download the clip", clip], "s": ["Save this picture", still],
    "n": ["Next gap or note", () => jump(1)], "p": ["Previous gap or note", () => jump(-1)],
    "g": ["Go to a time", askTime], "End": ["Go to live", live], "m": ["Sound on or off", mute], "f": ["Full screen", full],
    "+": ["Less time", () => timeline.zoom(0.5)], "-": ["More time", () => timeline.zoom(2)],
    ...(write ? { "w": ["Write a note about what is on screen", write] } : {}),
  }, "Player");
}

facts(camera, player);
choice(camera, player);
if (player && timeline && node) begin();
