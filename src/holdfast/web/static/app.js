// The frame: site clock, state sentence, strip, theme, keys. Pages are whole without it; it keeps them current.
//
// Other modules import `on`, `node`, `toast`, `keys` and `zoned` from here: news of the node, one list of keys.

import { follow } from "./changes.js";
import { details, everyCamera } from "./details.js";

const facts = JSON.parse(document.getElementById("facts").textContent);
// When the answer came, not when this ran: a slow start would be a slow clock.
const begun = performance.getEntriesByType("navigation")[0]?.responseStart || performance.now();
const listeners = new Set();

/** The node as it was last heard of: `{sentence, hint, well, streams: [...], names: {id: name}}`. */
export let node = facts;

/** Call `listener(node)` at each change. */
export function on(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Wall time of the server in microseconds, however this machine's clock is set. */
export function nowUs() {
  return facts.now_us + Math.round((performance.now() - begun) * 1000);
}

const formats = new Map();

/** An instant's parts in the site's zone: `{year, month, day, hour, minute, second, offset}`, all text. */
export function zoned(us, zone = facts.zone) {
  if (!formats.has(zone)) {
    formats.set(zone, new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
      second: "2-digit", hourCycle: "h23", timeZoneName: "longOffset",
    }));
  }
  const parts = Object.fromEntries(formats.get(zone).formatToParts(new Date(us / 1000)).map((p) => [p.type, p.value]));
  return { ...parts, offset: parts.timeZoneName.replace("GMT", "") || "+00:00" };
}

/** Say a duration as people do: the same words as the server's. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60), hours = Math.floor(whole / 3600), days = Math.floor(whole / 86400);
  if (hours < 1) return `${minutes} min`;
  return days < 2 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${days} days`;
}

const TYPED = /^(?:(?:holdfast|chmod|chown|pip|systemctl)\b|[a-z_]+(?::\/\/| = )|[^\s:]*[._/=`]\w|--)/;

/** Begin a sentence with a capital, unless it begins with what has to be typed as it stands; as the server does. */
export const capital = (words) => (TYPED.test(words) ? words : words.slice(0, 1).toUpperCase() + words.slice(1));

/** Say something in passing, in the corner; `bad` for what went wrong. */
export function toast(words, { bad = false, for_s = 6 } = {}) {
  const item = document.createElement("div");
  item.className = bad ? "toast bad" : "toast";
  item.textContent = words;
  document.getElementById("toasts").append(item);
  setTimeout(() => item.remove(), for_s * 1000);
  return item;
}

/** Make an element: `make("p", {class: "quiet"}, "text", child)`. Text is text, never markup. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** An icon like one that stands on the page already. */
export function icon(selector) {
  const found = document.querySelector(selector);
  return found ? found.cloneNode(true) : null;
}

/** Show a dialog with a heading and content, and give it; it is gone once closed. */
export function dialog(heading, ...content) {
  const id = `d${Math.random().toString(36).slice(2)}`;
  const close = make("button", { class: "button plain", type: "button" }, "Close");
  const box = make("dialog", { class: "dialog", "aria-labelledby": id },
    make("div", { class: "dialog-head" }, make("h2", { id }, heading), close),
    make("div", { class: "dialog-body" }, ...content));
  close.addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

// --- what a stream is, in one word: as `state_of` of the server ---------------------------------------------------------

const ORDER = ["well", "off", "settling", "degraded", "lost"];

/** The badge of a stream. */
export function stateOf(stream) {
  if (stream.health === "lost") return stream.state === "stalled" ? "stalled" : "offline";
  return { well: "recording", degraded: "incident", settling: "connecting", off: "off" }[stream.health];
}

/** Each camera's worst stream, by camera. */
export function worstByCamera(streams) {
  const found = new Map();
  for (const stream of streams) {
    const known = found.get(stream.camera);
    if (!known || ORDER.indexOf(stream.health) > ORDER.indexOf(known.health)) found.set(stream.camera, stream);
  }
  return found;
}

// --- theme --------------------------------------------------------------------------------------------------------------

document.documentElement.classList.remove("no-script");

const theme = document.getElementById("theme");
theme.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `holdfast_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  document.dispatchEvent(new CustomEvent("hf-theme", { detail: root.dataset.theme }));
});

// --- clock --------------------------------------------------------------------------------------------------------------

const clock = document.querySelector("#clock time");
const offset = document.querySelector("#clock .offset");
function tick() {
  const us = nowUs(), at = zoned(us), utc = zoned(us, "UTC");
  clock.textContent = `${at.hour}:${at.minute}:${at.second}`;
  clock.dateTime = new Date(us / 1000).toISOString();
  clock.title = `${utc.hour}:${utc.minute}:${utc.second} UTC`;
  offset.textContent = at.offset;
  setTimeout(tick, 1000 - (nowUs() / 1000) % 1000 + 5);
}
tick();

// --- state sentence and strip -----------------------------------------------------------------------------------------

const state = document.getElementById("state");
const sentence = document.getElementById("sentence");
const strip = document.getElementById("strip");

function healthOf(now) {
  const healths = now.streams.map((stream) => stream.health);
  if (now.well) return healths.includes("settling") ? "settling" : "well";
  if (!healths.length && !(now.troubles || []).length) return "off";
  return healths.includes("lost") ? "lost" : "degraded";
}

function setHealth(element, health) {
  if (element.dataset.health !== health) element.dataset.health = health;
}

function showState() {
  const health = healthOf(node);
  setHealth(state, health);
  setHealth(state.querySelector(".dot"), health);
  if (sentence.textContent !== node.sentence) sentence.textContent = node.sentence;
  state.title = node.hint;
  const worst = worstByCamera(node.streams);
  const counts = {};
  for (const item of strip.querySelectorAll("[data-camera]")) {
    const stream = worst.get(item.dataset.camera);
    if (!stream) continue;
    setHealth(item.querySelector(".dot"), stream.health);
    item.title = stream.words;
    const word = item.querySelector("small");
    word.textContent = stateOf(stream);
    word.classList.toggle("said", stream.health === "well");
    counts[stream.health] = (counts[stream.health] || 0) + 1;
  }
  for (const item of strip.querySelectorAll("[data-count]")) {
    item.hidden = !counts[item.dataset.count];
    item.querySelector("b").textContent = counts[item.dataset.count] || 0;
  }
}

strip.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const item = event.target.closest("[data-camera]");
  const all = [...strip.querySelectorAll("[data-camera]")];
  if (item) details(item.dataset.camera);
  else if (event.target.closest(".strip-count") && all.length) everyCamera(all);
  else return;
  event.preventDefault();
});

// --- changes -------------------------------------------------------------------------------------------------------------

let away = "";

/** Tell those who listen to the page of what changed, and not of each second that something lasts. */
const announced = document.getElementById("announced");
let announcedLast = withoutSpans(sentence.textContent);
function withoutSpans(words) { return words.replace(/[\d.]+ (?:s|min|h|days|%)/g, "…"); }
function announce(words) {
  const now = withoutSpans(words);
  if (now !== announcedLast) announced.textContent = words;
  announcedLast = now;
}

function lostServer(words) {
  setHealth(state, "degraded");
  setHealth(state.querySelector(".dot"), "degraded");
  sentence.textContent = words;
  announce(words);
}

const hears = {
  node(said) {
    away = "";
    node = { ...node, ...said };
    showState();
    announce(node.sentence);
    for (const listener of listeners) listener(node);
  },
  away() {
    const at = zoned(nowUs());
    away ||= `${at.hour}:${at.minute}:${at.second}`;
    lostServer(`No answer from the server since ${away}: what you see may be old. Recording does not depend on it`);
  },
  out() { lostServer("You were signed out: load this page again to sign in"); },
  today(words) {
    const today = document.getElementById("today");
    today.hidden = !words;
    today.textContent = words;
  },
};
// After the page and its pictures: changes are worth less than what is there already.
if (document.readyState === "complete") follow(hears); else addEventListener("load", () => follow(hears), { once: true });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// --- ages --------------------------------------------------------------------------------------------------------------

const AGES_MS = 5000; // chosen: nobody reads "12 s ago" for longer
setInterval(() => {
  for (const age of document.querySelectorAll('time[data-style="ago"]')) {
    const seconds = (nowUs() - Number(age.dataset.us)) / 1e6;
    const words = `${span(seconds)} ago`;
    if (seconds >= 0 && seconds < 86400 && age.textContent !== words) age.textContent = words;
  }
}, AGES_MS);

// --- keys -----------------------------------------------------------------------------------------------------------------

const known = [];

/** Add keys to this page and to the list that `?` shows: `keys({"/": ["Find a camera", () => …]})`. */
export function keys(more, group = "This page") {
  for (const [key, [words, action]] of Object.entries(more)) known.push({ key, words, action, group });
}

function showKeys() {
  if (document.querySelector("dialog[open]")) return;
  const groups = [...new Set(known.map((entry) => entry.group))];
  dialog("Keyboard", ...groups.map((group) => make("div", { class: "stack" }, make("h3", {}, group),
    make("dl", { class: "keys" }, ...known.filter((entry) => entry.group === group && entry.words).map((entry) =>
      make("div", {}, make("dt", {}, entry.words), make("dd", {}, ...entry.key.split(" ").map((one) => make("kbd", {}, one)))))))));
}

// A key may mean something alone and begin a pair, too: then the next key decides, or the time.
const ALONE_MS = 500; // chosen: two keys of a pair follow within 300 ms; longer, and "go to a time" feels slow
const PAIR_MS = 1500; // chosen: where the first key alone means nothing there is no hurry
let first = null;

function settle() {
  const was = first;
  clearTimeout(was?.timer);
  first = null;
  return was;
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Shift" || event.key === "CapsLock" || (event.repeat && event.key === first?.key)) return;
  const before = settle();
  const target = event.composedPath()[0];
  if (target instanceof Element && target.closest("input, select, textarea, [contenteditable]")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  const act = (key) => {
    const found = known.find((one) => one.key === key && one.action);
    if (found) {
      event.preventDefault();
      found.action(event);
    }
    return Boolean(found);
  };
  if (before && act(`${before.key} ${event.key}`)) return;
  if (before?.alone) {
    before.alone();
    if (document.querySelector("dialog[open]")) return; // and this key is the first one of what is typed there
  }
  if (!known.some((one) => one.key.startsWith(`${event.key} `))) {
    act(event.key);
    return;
  }
  const found = known.find((one) => one.key === event.key && one.action);
  const alone = found && (() => found.action(event));
  first = { key: event.key, alone, timer: setTimeout(() => {
    first = null;
    if (alone && !document.querySelector("dialog[open]")) alone();
  }, alone ? ALONE_MS : PAIR_MS) };
});

keys({
  "?": ["This list", showKeys],
  "t": ["Dark or light", () => theme.form.requestSubmit()],
}, "Everywhere");
const letters = new Set();
for (const link of document.querySelectorAll(".rail-list .rail-link")) {
  const words = link.textContent.trim();
  const letter = [...words.toLowerCase()].find((one) => /[a-z]/.test(one) && !letters.has(one));
  if (!letter) continue;
  letters.add(letter);
  keys({ [`g ${letter}`]: [words, () => link.click()] }, "Go to");
}
const button = document.getElementById("show-keys");
button.hidden = false;
button.addEventListener("click", () => { document.getElementById("menu").open = false; showKeys(); });

// A menu closes by Escape and by a click elsewhere.
addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open], details.rail-more[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open], details.rail-more[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
