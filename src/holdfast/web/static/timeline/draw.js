// Draws a span of time onto a canvas: axis, footage, gaps, notes, the chosen range, now and the instant on the screen.

import { nowUs } from "../app.js";
import { drawLanes, LANE } from "./lanes.js";
import { ticks } from "./scale.js";

export const AXIS = 22, FOOTAGE = 26, NOTES = 16;
const BASE = AXIS + 4 + FOOTAGE + 4 + NOTES;

/** How high it is with so many lanes. */
export const heightOf = (lanes) => BASE + lanes * LANE;

/** The lane at a height, by number; below 0 above them all. */
export const laneAt = (y) => Math.floor((y - BASE) / LANE);

const TOP = AXIS + 4;
const LEAST = 1.5; // pixels: a gap of a second is still seen in a year

const NAMES = ["page", "surface", "raised", "line", "line-strong", "text", "text-2", "text-3", "accent", "accent-soft", "good", "bad",
  "bad-soft", "planned", "planned-soft", "off-soft", "warn", "on-accent"];

/** The theme's colours as they are now. */
export function colours(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

const patterns = new Map();

function hatch(context, back, line, ratio) {
  const key = `${back}|${line}|${ratio}`;
  if (!patterns.has(key)) {
    const size = Math.round(8 * ratio);
    const tile = new OffscreenCanvas(size, size);
    const pen = tile.getContext("2d");
    pen.fillStyle = back;
    pen.fillRect(0, 0, size, size);
    pen.strokeStyle = line;
    pen.lineWidth = 1.6 * ratio;
    for (const shift of [-size, 0, size]) {
      pen.beginPath();
      pen.moveTo(shift - 2, size + 2);
      pen.lineTo(shift + size + 2, -2);
      pen.stroke();
    }
    const pattern = context.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / ratio));
    patterns.set(key, pattern);
  }
  return patterns.get(key);
}

/** Draw. `view`: {from, to, width, ratio, at, mark: {from, to}, hover}; `known`: data.js; `colour`: `colours()`; lanes: lanes.js. */
export function draw(context, view, known, colour, lanes = []) {
  const height = heightOf(lanes.length);
  const { from, to, width, ratio } = view;
  const x = (us) => ((us - from) / (to - from)) * width;
  const box = (a, b, top, height, fill, least = 0) => {
    let left = Math.max(-2, x(a)), right = Math.min(width + 2, x(b));
    if (right < 0 || left > width) return;
    if (right - left < least) { const middle = (left + right) / 2; left = middle - least / 2; right = middle + least / 2; }
    context.fillStyle = fill;
    context.fillRect(left, top, right - left, height);
  };
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.fillStyle = colour.raised;
  context.fillRect(0, TOP, width, FOOTAGE);
  axis(context, view, x, colour, height);
  for (const one of known.parts.segments) {
    if (one.state === "removed" || one.state === "missing") box(one.start_us, known.endOfSegment(one), TOP, FOOTAGE, colour["off-soft"]);
    else box(one.start_us, known.endOfSegment(one), TOP, FOOTAGE, colour.good, 0.5);
  }
  for (const gap of known.parts.gaps) {
    const [back, line] = gap.planned ? [colour["planned-soft"], colour.planned] : [colour["bad-soft"], colour.bad];
    const end = known.endOf(gap);
    const narrow = x(end) - x(gap.start_us) < 6;
    box(gap.start_us, end, TOP, FOOTAGE, narrow ? line : hatch(context, back, line, ratio), LEAST);
  }
  for (const one of known.parts.buckets) bucket(box, one, known.parts.bucket_us, context, colour, ratio);
  const now = nowUs();
  if (now < to) {
    context.clearRect(x(now), TOP, width - x(now), FOOTAGE);
    box(now, to, TOP, FOOTAGE, colour.page);
  }
  notes(context, known, x, colour);
  drawLanes(context, lanes, view, BASE, colour);
  range(context, view, x, colour);
  line(context, x(now), colour["text-3"], TOP, FOOTAGE + 4);
  if (view.hover != null) line(context, view.hover, colour["line-strong"], AXIS, height - AXIS);
  if (view.at != null) cursor(context, x(view.at), colour);
}

function axis(context, { from, to, width }, x, colour, height) {
  context.font = "12px ui-sans-serif, system-ui, sans-serif";
  context.textBaseline = "middle";
  let free = -Infinity;
  for (const tick of ticks(from, to, width)) {
    const at = Math.round(x(tick.us)) + 0.5;
    context.fillStyle = tick.day ? colour["line-strong"] : colour.line;
    context.fillRect(at - 0.5, tick.label ? AXIS - 6 : AXIS - 3, 1, tick.label ? height : 5);
    if (!tick.label) continue;
    const wide = context.measureText(tick.label).width;
    const left = Math.min(Math.max(2, at - wide / 2), width - wide - 2);
    if (left < free || at < -wide || at > width + wide) continue;
    context.fillStyle = tick.day ? colour.text : colour["text-2"];
    context.fillText(tick.label, left, AXIS / 2 - 2);
    free = left + wide + 8;
  }
}

function bucket(box, one, each, context, colour, ratio) {
  const end = one.start_us + each;
  const total = one.recorded_us + one.planned_us + one.lost_us;
  if (!total) return;
  const missing = one.lost_us || one.planned_us;
  if (!missing) return;
  const height = Math.max(4, FOOTAGE * (missing / total));
  const [back, line] = one.lost_us ? [colour["bad-soft"], colour.bad] : [colour["planned-soft"], colour.planned];
  box(one.start_us, end, TOP + FOOTAGE - height, height, hatch(context, back, line, ratio), LEAST);
}

function notes(context, known, x, colour) {
  const top = TOP + FOOTAGE + 4;
  for (const note of known.parts.notes) {
    const at = x(note.at_us);
    context.fillStyle = colour.accent;
    context.beginPath();
    context.moveTo(at, top);
    context.lineTo(at + 9, top + 4);
    context.lineTo(at, top + 8);
    context.fill();
    context.fillRect(at - 0.75, top, 1.5, NOTES - 2);
  }
}

function range(context, { mark }, x, colour) {
  if (mark.from == null && mark.to == null) return;
  context.fillStyle = colour.accent;
  if (mark.from != null && mark.to != null) {
    context.globalAlpha = 0.28;
    context.fillRect(x(mark.from), TOP - 3, x(mark.to) - x(mark.from), FOOTAGE + 6);
    context.globalAlpha = 1;
  }
  for (const [us, side] of [[mark.from, 1], [mark.to, -1]]) {
    if (us == null) continue;
    context.fillRect(x(us) - 1, TOP - 3, 2, FOOTAGE + 6);
    context.fillRect(side > 0 ? x(us) : x(us) - 6, TOP - 3, 6, 2);
    context.fillRect(side > 0 ? x(us) : x(us) - 6, TOP + FOOTAGE + 1, 6, 2);
  }
}

function line(context, at, colour, top, height) {
  context.fillStyle = colour;
  context.fillRect(Math.round(at) - 0.5, top, 1, height);
}

function cursor(context, at, colour) {
  const left = Math.round(at);
  context.fillStyle = colour.page;
  context.fillRect(left - 2, AXIS - 1, 4, FOOTAGE + 10);
  context.fillStyle = colour.text;
  context.fillRect(left - 1, AXIS - 1, 2, FOOTAGE + 10);
  context.beginPath();
  context.moveTo(left - 6, AXIS - 7);
  context.lineTo(left + 6, AXIS - 7);
  context.lineTo(left, AXIS + 1);
  context.fill();
}
