// Lanes below the footage: spans of other kinds, such as incidents, each lane with a source of its own.
//
// A lane is `{name, colour(item, colours), ask(from, to, signal)}`; what it is asked for are items
// `{start_us, end_us (null: it lasts), words, kind}`, in any order. Asked for a little more than is seen, as data.js does.

import { nowUs } from "../app.js";

export const LANE = 12; // pixels, its space to the next one included
const AGAIN_MS = 10000, RETRY_MS = 5000;
const LEAST = 3; // pixels: an incident of a second is seen, and hit, in a month

export class Lane {
  items = [];
  failed = false;
  more = false; // there are more than came
  #from = 0;
  #to = 0;
  #at = -Infinity;
  #asking = false;

  constructor({ name, colour, ask }, changed) {
    Object.assign(this, { name, colour, fetch: ask, changed });
  }

  /** Somebody looks at this span. */
  look(from, to) {
    const width = to - from, now = performance.now();
    const covered = from >= this.#from && to <= this.#to && (!this.more || width > (this.#to - this.#from) / 4);
    const old = now - this.#at > AGAIN_MS && to > nowUs() - 60e6;
    if (this.#asking || (covered && !old) || (this.failed && now - this.#at < RETRY_MS)) return;
    this.#ask(Math.max(86400e6, Math.floor(from - width / 2)), Math.ceil(to + width / 2));
  }

  async #ask(from, to) {
    this.#asking = true;
    this.#at = performance.now();
    try {
      const { items, more } = await this.fetch(from, to, AbortSignal.timeout(20000));
      this.items = items.sort((a, b) => a.start_us - b.start_us);
      [this.#from, this.#to, this.more, this.failed] = [from, to, more, false];
    } catch {
      this.failed = true;
    }
    this.#asking = false;
    this.changed();
  }

  endOf(item) { return item.end_us ?? nowUs(); }

  /** What of it is in view, in the order of time. */
  between(from, to) { return this.items.filter((item) => item.start_us < to && this.endOf(item) > from); }

  /** What lies at an instant, or so near to it that it is meant. */
  at(us, near) {
    const close = this.items.filter((item) => us > item.start_us - near && us < this.endOf(item) + near);
    return close.sort((a, b) => this.endOf(a) - a.start_us - this.endOf(b) + b.start_us)[0] || null; // the shortest is the hardest to hit
  }
}

/** Draw lanes below each other from `top` on. */
export function drawLanes(context, lanes, { from, to, width }, top, colour) {
  const x = (us) => ((us - from) / (to - from)) * width;
  lanes.forEach((lane, n) => {
    const y = top + n * LANE;
    context.fillStyle = colour.raised;
    context.fillRect(0, y, width, LANE - 4);
    for (const item of lane.between(from, to)) {
      const left = Math.max(-2, x(item.start_us)), wide = Math.max(LEAST, Math.min(width + 2, x(lane.endOf(item))) - left);
      context.fillStyle = lane.colour(item, colour);
      context.fillRect(left, y, wide, LANE - 4);
      // Never colour alone: the worst are full, the others have a dark foot as high as they are harmless.
      const foot = { signal_lost: 0, stalled: 0, disk: 0, blackscreen: 0, freeze: 3, audio_loss: 5, stream_mismatch: 4, macroblocks: 4 }[item.kind] ?? 0;
      context.fillStyle = colour.surface;
      context.fillRect(left, y + LANE - 4 - foot, wide, foot);
    }
  });
}
