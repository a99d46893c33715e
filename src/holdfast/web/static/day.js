// Small pictures of a day: one sheet a row, asked for when the row is looked at, one row after the other.

import { keys, nowUs } from "./app.js";
import { clockWords, meaning } from "./player/words.js";

const WIDTH = 160;
const LATE_US = 30e6; // as api.stills: what is older is finished and stays as it is
const RETRY_MS = 4000;
const GONE = { removed: "removed by policy", damaged: "cannot be decoded" };

const table = document.getElementById("day");
const box = document.getElementById("day-box");
const peek = document.getElementById("day-peek");
const waiting = new Set();
let busy = false;

// --- pictures ----------------------------------------------------------------------------------------------------------

function place(cell, address, sheet, tile) {
  const share = (at, all, part) => (all > part ? `${(at / (all - part)) * 100}%` : "0");
  const style = {
    backgroundImage: `url("${address}")`, backgroundSize: `${(sheet.width / sheet.tile_width) * 100}% ${(sheet.height / sheet.tile_height) * 100}%`,
    backgroundPosition: `${share(tile.x, sheet.width, sheet.tile_width)} ${share(tile.y, sheet.height, sheet.tile_height)}`,
  };
  Object.assign(cell.style, style);
  cell.dataset.shown = tile.shown_us;
}

function empty(cell, reason) {
  cell.dataset.reason = reason;
  const words = GONE[reason] || meaning(reason);
  if (cell.querySelector(".why")) return;
  const why = document.createElement("span");
  why.className = "said why";
  why.textContent = `, no picture: ${words}`;
  cell.append(why);
}

/** All whole parts of a row in one sheet. */
async function whole(row, cells) {
  const each = Number(table.dataset.each), done = cells.filter((cell) => Number(cell.dataset.us) + each < nowUs() - LATE_US);
  if (!done.length) return;
  const from = Number(done[0].dataset.us), api = `/api/v1/cameras/${encodeURIComponent(row.dataset.camera)}`;
  const query = new URLSearchParams({ from, to: from + done.length * each, count: done.length, width: WIDTH });
  const answer = await fetch(`${api}/sheet.json?${query}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(60000) });
  if (answer.status === 404) { // not one picture: the timeline says why of each
    await reasons(api, done, each);
    return;
  }
  if (!answer.ok) throw new Error(`${answer.status}`);
  const sheet = await answer.json(), address = `${api}/sheet.jpg?${query}`;
  const image = new Image();
  image.src = address;
  await image.decode();
  done.forEach((cell, n) => { if (sheet.items[n].shown_us === null) empty(cell, sheet.items[n].reason); else place(cell, address, sheet, sheet.items[n]); });
}

async function reasons(api, cells, each) {
  const from = Number(cells[0].dataset.us), to = from + cells.length * each;
  const answer = await fetch(`${api}/timeline?${new URLSearchParams({ from, to, pixels: 4000 })}`, { headers: { Accept: "application/json" } });
  const known = answer.ok ? (await answer.json()).cameras[0] : null;
  for (const cell of cells) {
    const us = Number(cell.dataset.us);
    empty(cell, known?.gaps.find((gap) => gap.start_us < us + each && (gap.end_us ?? Infinity) > us)?.reason || "unknown");
  }
}

/** The parts that are not over, or only just: a picture each; the newest one of now, if it is of this part. */
async function newest(row, cells) {
  const each = Number(table.dataset.each), edge = nowUs() - LATE_US;
  for (const cell of cells.filter((one) => Number(one.dataset.us) + each >= edge)) {
    const begin = Number(cell.dataset.us), query = new URLSearchParams({ width: WIDTH, ...("now" in cell.dataset ? {} : { at: begin }) });
    const answer = await fetch(`/api/v1/cameras/${encodeURIComponent(row.dataset.camera)}/still.jpg?${query}`, { signal: AbortSignal.timeout(20000) });
    const at = Number(answer.headers.get("X-Holdfast-At-Us"));
    if (answer.ok && at >= begin - LATE_US) {
      place(cell, URL.createObjectURL(await answer.blob()), { width: 1, height: 1, tile_width: 1, tile_height: 1 }, { x: 0, y: 0, shown_us: at });
    } else if (answer.ok || answer.status === 404) {
      empty(cell, "unknown");
    } else {
      throw new Error(`${answer.status}`);
    }
  }
}

async function next() {
  if (busy || document.hidden) return;
  const row = [...waiting].find((one) => one.dataset.seen);
  if (!row) return;
  busy = true;
  waiting.delete(row);
  row.setAttribute("aria-busy", "true");
  const cells = [...row.querySelectorAll("a.day-cell")];
  try {
    await whole(row, cells);
    await newest(row, cells);
    row.dataset.done = "1";
  } catch { // busy, or away: this row is asked for again, after the others
    setTimeout(() => { waiting.add(row); next(); }, RETRY_MS);
  }
  row.removeAttribute("aria-busy");
  busy = false;
  next();
}

// --- larger, under the pointer or with the focus ---------------------------------------------------------------------------

function show(cell) {
  peek.hidden = !cell;
  if (!cell) return;
  const { clock, mark, reason, shown } = cell.dataset, large = peek.querySelector(".day-large");
  large.hidden = !shown;
  if (shown) for (const part of ["backgroundImage", "backgroundSize", "backgroundPosition"]) large.style[part] = cell.style[part];
  const name = cell.closest("tr").querySelector("th").textContent;
  const words = [`${name}, ${shown ? clockWords(Number(shown)) : clock}`, mark, reason && `no picture: ${GONE[reason] || meaning(reason)}`];
  peek.querySelector("p").textContent = words.filter(Boolean).join(" · ");
  const at = cell.getBoundingClientRect(), wide = peek.offsetWidth, high = peek.offsetHeight;
  peek.style.left = `${Math.max(8, Math.min(innerWidth - wide - 8, at.left + at.width / 2 - wide / 2))}px`;
  peek.style.top = `${at.top - high - 8 > 56 ? at.top - high - 8 : at.bottom + 8}px`;
}

function begin() {
  const rows = [...table.tBodies[0].rows];
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) target.dataset.seen = "1";
      else delete target.dataset.seen;
    }
    next();
  }, { rootMargin: "200px 0px" });
  for (const row of rows) { waiting.add(row); watcher.observe(row); }
  document.addEventListener("visibilitychange", next);

  table.addEventListener("pointerover", ({ target, pointerType }) => { if (pointerType !== "touch") show(target.closest("a.day-cell")); });
  table.addEventListener("pointerleave", () => show(null));
  table.addEventListener("focusin", ({ target }) => show(target.closest("a.day-cell")));
  table.addEventListener("focusout", () => show(null));
  box.addEventListener("scroll", () => show(null), { passive: true });

  // One stop for the Tab key; arrows from there.
  const cells = [...table.querySelectorAll("a.day-cell")];
  for (const cell of cells) cell.tabIndex = -1;
  let last = rows[0]?.querySelector("a.day-cell[data-now]") || [...(rows[0]?.querySelectorAll("a.day-cell") || [])].at(-1);
  if (last) last.tabIndex = 0;
  function go(cell) {
    if (!cell) return;
    last.tabIndex = -1;
    last = cell;
    cell.tabIndex = 0;
    cell.focus();
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  table.addEventListener("keydown", (event) => {
    const cell = event.target.closest("a.day-cell");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = cell.closest("tr"), mine = [...row.querySelectorAll("a.day-cell")], at = mine.indexOf(cell);
    const beside = (by) => [...(rows[rows.indexOf(row) + by]?.querySelectorAll("a.day-cell") || [])][at];
    const to = { ArrowLeft: () => mine[at - 1], ArrowRight: () => mine[at + 1], ArrowUp: () => beside(-1), ArrowDown: () => beside(1),
      Home: () => mine[0], End: () => mine.at(-1) }[event.key];
    if (!to) return;
    event.preventDefault();
    go(to());
  });
  last?.scrollIntoView({ block: "nearest", inline: "end" }); // the newest is what most come for
  keys({ "←": ["A picture to the left; ↑ ↓ → likewise", null], "Enter": ["Play from there", null] });
}

if (table) begin();
