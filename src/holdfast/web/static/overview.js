// The wall: pictures that renew themselves while somebody looks, badges, the filter, live pictures on demand.

import { capital, keys, node, on, stateOf, worstByCamera } from "./app.js";

const RENEW_MS = 5000; // chosen: a wall of 32 costs the server six small pictures a second
const wall = document.getElementById("wall");
const filter = document.getElementById("filter");
const tiles = wall ? [...wall.querySelectorAll(".tile")] : [];

// --- pictures ----------------------------------------------------------------------------------------------------------

const seen = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) seen.add(target); else seen.delete(target);
  }
  settle();
});

function arrived(image) {
  image.classList.toggle("there", image.naturalWidth > 0);
}

function renew(tile) {
  const image = tile.querySelector("img");
  if (tile.dataset.health === "off" || tile.dataset.busy || tile.querySelector("hf-player")) return;
  tile.dataset.busy = "1";
  const next = new Image();
  const address = new URL(image.src);
  address.searchParams.set("t", Date.now());
  next.src = address.href;
  next.decode().then(() => {
    image.src = next.src;
    image.classList.add("there");
  }, () => {}).finally(() => { delete tile.dataset.busy; });
}

for (const tile of tiles) {
  const image = tile.querySelector("img");
  if (image.complete) arrived(image);
  image.addEventListener("load", () => arrived(image));
  image.addEventListener("error", () => { if (!image.naturalWidth) image.classList.remove("there"); });
  watcher.observe(tile);
}
let turn = 0;
function renewNext() {
  const visible = document.hidden ? [] : [...seen].filter((tile) => !tile.hidden);
  if (visible.length) renew(visible[turn++ % visible.length]);
  setTimeout(renewNext, RENEW_MS / Math.max(1, visible.length));
}
setTimeout(renewNext, RENEW_MS);

// --- state -------------------------------------------------------------------------------------------------------------

const trouble = document.getElementById("trouble");

function show(now) {
  const worst = worstByCamera(now.streams);
  const told = (stream) => (stream.mismatch || []).length + (stream.notes || []).length > 0;
  const flagged = new Set(now.streams.filter(told).map((stream) => stream.camera));
  const flags = document.getElementById("flag-box");
  if (flags && flagged.size) flags.hidden = false;
  for (const tile of tiles) {
    tile.dataset.flag = flagged.has(tile.dataset.camera) ? "1" : "";
    const stream = worst.get(tile.dataset.camera);
    if (!stream) continue;
    const state = stateOf(stream);
    const was = tile.dataset.health;
    tile.dataset.health = stream.health;
    tile.dataset.state = state;
    for (const part of tile.querySelectorAll(".badge, .dot")) part.dataset.health = stream.health;
    tile.querySelector(".tile-state").textContent = state;
    const video = (stream.tracks || []).find((track) => track.kind === "video");
    const sent = [video && video.height && `${video.height}p`, stream.fps && `${Math.round(stream.fps)} fps`];
    const words = stream.health === "well" ? sent.filter(Boolean).join(" ") || stream.words : stream.words;
    const said = tile.querySelector(".tile-words");
    if (said.textContent !== words) said.textContent = words;
    if (was !== "well" && stream.health === "well") setTimeout(renew, 1500, tile);
  }
  const bad = [...worst.values()].filter((stream) => stream.health === "lost" || stream.health === "degraded");
  const lost = bad.filter((stream) => !now.sentence.includes(stream.words)); // the sentence speaks of one already
  const troubles = (now.troubles || []).filter((words) => !now.sentence.includes(words));
  trouble.hidden = now.well || (!bad.length && !(now.troubles || []).length);
  document.getElementById("trouble-sentence").textContent = now.sentence;
  const hint = document.getElementById("trouble-hint");
  hint.hidden = !now.hint;
  hint.textContent = capital(now.hint);
  const list = document.getElementById("trouble-list");
  list.replaceChildren(...lost.map((stream) => {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = `/cameras/${stream.camera}`;
    link.textContent = now.names[stream.camera] || stream.camera;
    item.append(link, ` ${stream.words}`);
    return item;
  }), ...troubles.map((words) => {
    const item = document.createElement("li");
    item.textContent = capital(words);
    return item;
  }));
  list.hidden = !list.children.length;
  sift();
}
on(show);

// --- filter ------------------------------------------------------------------------------------------------------------

function sift() {
  if (!filter) return;
  const asked = Object.fromEntries(new FormData(filter));
  let found = 0;
  for (const tile of tiles) {
    const fits = tile.dataset.find.includes((asked.q || "").trim().toLowerCase())
      && (!asked.site || tile.dataset.site === asked.site) && (!asked.state || tile.dataset.state === asked.state)
      && (!asked.location || tile.dataset.location === asked.location) && (!asked.flag || tile.dataset.flag);
    tile.hidden = !fits;
    found += fits;
  }
  document.getElementById("none-found").hidden = found > 0;
  settle();
}

if (filter) {
  const remember = () => {
    sift();
    const asked = new URLSearchParams([...new FormData(filter)].filter(([, value]) => value));
    history.replaceState(null, "", asked.size ? `?${asked}` : "/");
  };
  filter.addEventListener("input", remember);
  filter.addEventListener("submit", (event) => { event.preventDefault(); remember(); });
  filter.querySelector("[data-without-script]").hidden = true;
  document.getElementById("unfilter").addEventListener("click", (event) => {
    event.preventDefault();
    filter.reset();
    for (const field of filter.elements) {
      if (field.type === "checkbox") field.checked = false;
      else if (field.name) field.value = "";
    }
    remember();
  });
  keys({ "/": ["Find a camera", () => filter.elements.q.focus()] });
}

// --- live --------------------------------------------------------------------------------------------------------------

// Few cameras are live at once, as long as they are in sight; of many, the one that somebody points at for a moment.
const LIVE_AT_ONCE = 4; // chosen: what a phone decodes without growing warm
const CALM_MS = 400;
const spare = navigator.connection?.saveData || matchMedia("(prefers-reduced-motion: reduce)").matches;
let pointed = null;
let timer = null;

function settle() {
  const ready = customElements.get("hf-player") && !document.hidden;
  for (const tile of tiles) {
    const wanted = ready && tile.dataset.state === "recording" && !tile.hidden && seen.has(tile)
      && (tile === pointed || (tiles.length <= LIVE_AT_ONCE && !spare));
    const player = tile.querySelector("hf-player");
    if (!wanted) player?.remove();
    else if (!player) {
      const made = document.createElement("hf-player");
      made.setAttribute("camera", tile.dataset.camera);
      made.setAttribute("compact", "");
      tile.querySelector("img").after(made);
    }
  }
}

function point(tile) {
  clearTimeout(timer);
  timer = setTimeout(() => { pointed = tile; settle(); }, tile ? CALM_MS : 0);
}

if (wall?.dataset.player) {
  import(wall.dataset.player).then(() => customElements.whenDefined("hf-player")).then(settle, () => {});
  document.addEventListener("visibilitychange", settle);
  if (matchMedia("(hover: hover)").matches) {
    for (const tile of tiles) {
      tile.addEventListener("pointerenter", () => point(tile));
      tile.addEventListener("pointerleave", () => point(null));
    }
  }
}

show(node);
