// Ticks and labels of an axis in the site's time: whole hours and midnights as its clocks show them, 23 to 25 hours a day.

import { zoned } from "../app.js";
import { MONTHS } from "../player/words.js";

const SECOND = 1e6, MINUTE = 60e6, HOUR = 3600e6, DAY = 86400e6;
const STEPS = [SECOND, 2e6, 5e6, 10e6, 15e6, 30e6, MINUTE, 120e6, 300e6, 600e6, 900e6, 1800e6, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR];
const known = new Map();

/** How far the site's time is ahead of UTC at an instant, in microseconds. */
export function offsetUs(us) {
  const slot = Math.floor(us / 900e6); // clocks change at quarters of an hour at the finest
  if (!known.has(slot)) {
    if (known.size > 20000) known.clear();
    const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(zoned(slot * 900e6).offset) || [null, "+", 0, 0];
    known.set(slot, (sign === "-" ? -1 : 1) * (hours * HOUR + minutes * MINUTE));
  }
  return known.get(slot);
}

/** The first instant of a day of the site: `days` after the one that holds `us`, or of the month's first. */
export function midnight(us, days = 0, { month = false } = {}) {
  const at = new Date((us + offsetUs(us)) / 1000);
  const wanted = month ? Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + days, 1)
    : Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + days);
  return instant(wanted * 1000);
}

/** The instant at which the site's clocks show this; the first of two, the next one where they skip it. */
export function instant(localUs) {
  const early = localUs - offsetUs(localUs - DAY), late = localUs - offsetUs(localUs + DAY);
  const fits = [early, late].filter((us) => us + offsetUs(us) === localUs);
  return fits.length ? Math.min(...fits) : Math.max(early, late);
}

function stepFor(perPixel, least) {
  return STEPS.find((step) => step / perPixel >= least);
}

function within(fromUs, toUs, step) {
  const found = [];
  let us = fromUs;
  while (us <= toUs && found.length < 500) {
    const off = offsetUs(us);
    const at = Math.ceil((us + off) / step) * step - off;
    // Where clocks change between, the grid of the new time holds.
    const shift = offsetUs(at) - off;
    const on = shift ? Math.ceil((at + off + shift) / step) * step - off - shift : at;
    if (on <= toUs) found.push(on);
    us = Math.max(on, us) + SECOND / 2;
  }
  return found;
}

function days(fromUs, toUs, each) {
  const found = [];
  for (let us = midnight(fromUs); us <= toUs && found.length < 500; us = midnight(us + HOUR, each)) found.push(us);
  return found;
}

function months(fromUs, toUs) {
  const found = [];
  for (let us = midnight(fromUs, 0, { month: true }); us <= toUs && found.length < 60; us = midnight(us + HOUR, 1, { month: true })) found.push(us);
  return found;
}

const two = (value) => String(value).padStart(2, "0");

function label(us, step) {
  const at = new Date((us + offsetUs(us)) / 1000);
  const h = at.getUTCHours(), m = at.getUTCMinutes(), s = at.getUTCSeconds();
  if (step === "month") return at.getUTCMonth() ? MONTHS[at.getUTCMonth()] : String(at.getUTCFullYear());
  if (step === "day" || (h === 0 && m === 0 && s === 0)) return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
  return step < MINUTE ? `${two(h)}:${two(m)}:${two(s)}` : `${two(h)}:${two(m)}`;
}

/** Ticks of a span as wide as `pixels`: `[{us, label, day}]`. `label` is empty between labels. */
export function ticks(fromUs, toUs, pixels) {
  const perPixel = (toUs - fromUs) / pixels;
  const step = stepFor(perPixel, 64);
  if (step) {
    const minor = stepFor(perPixel, 9) || step;
    const big = new Set(within(fromUs, toUs, step));
    return [...new Set([...within(fromUs, toUs, minor), ...big])].map((us) => ({ us, label: big.has(us) ? label(us, step) : "", day: us === midnight(us) })).sort((a, b) => a.us - b.us);
  }
  const each = [1, 2, 7, 14].find((n) => (n * DAY) / perPixel >= 56);
  if (each) return days(fromUs, toUs, each).map((us) => ({ us, label: label(us, "day"), day: true }));
  return months(fromUs, toUs).map((us) => ({ us, label: label(us, "month"), day: true }));
}

export { DAY, HOUR, MINUTE, SECOND };
