// Small pictures for whoever moves over the timeline: a sheet of twelve at a time, and none asked for twice.
//
// What a sheet stands for depends on the zoom and lies on a grid of time, so that moving about needs eight of them for all
// that is in view, however many pixels that is.

import { nowUs } from "../app.js";

const ACROSS = 96; // chosen: a picture each 10 pixels of a usual timeline
const TILES = 12; // chosen: decoded within a second on a small machine
const WIDTH = 160;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 432000];
const KEEP = 32; // sheets: three zooms' worth
const WRITTEN_US = 2e6; // what is younger may not be readable yet
const AGAIN_MS = 5000;

export class Sheets {
  #known = new Map(); // by span: {image, tiles, width, height}, null where there is no picture
  #wanted = null;
  #loading = false;
  #failedAt = -Infinity;

  /** `changed()`: there is more to show. */
  constructor(camera, changed) {
    this.api = `/api/v1/cameras/${encodeURIComponent(camera)}`;
    this.changed = changed;
  }

  /** How far apart pictures are where so much is in view. */
  static step(width_us) { return (STEPS_S.find((one) => one * 1e6 >= width_us / ACROSS) || STEPS_S.at(-1)) * 1e6; }

  /** The picture nearest before an instant, in a view so wide: `{image, x, y, width, height, shown_us}`; null while there is none. */
  at(us, width_us) {
    const step = Sheets.step(width_us);
    const readable = nowUs() - WRITTEN_US, whole = Math.floor(readable / step) * step;
    // The newest part has a sheet of its own, with one picture: it is not over.
    const newest = us >= whole;
    const from = newest ? whole : Math.floor(us / (step * TILES)) * step * TILES;
    const to = newest ? Math.floor(readable / 1e6) * 1e6 : Math.min(from + step * TILES, whole);
    if (to <= from) return null;
    const key = newest ? `${from}-` : `${from}-${to}`;
    if (!this.#known.has(key)) {
      this.#want({ key, from, to, count: newest ? 1 : (to - from) / step });
      return null;
    }
    const sheet = this.#known.get(key);
    this.#known.delete(key);
    this.#known.set(key, sheet); // the one that was used last goes last
    const tile = sheet?.tiles[Math.floor((us - from) / step)];
    if (!tile || tile.shown_us === null) return null;
    return { image: sheet.image, x: tile.x, y: tile.y, width: sheet.width, height: sheet.height, shown_us: tile.shown_us };
  }

  #want(span) {
    this.#wanted = span;
    if (!this.#loading && performance.now() - this.#failedAt > AGAIN_MS) this.#load();
  }

  async #load() {
    this.#loading = true;
    while (this.#wanted) {
      const span = this.#wanted;
      this.#wanted = null;
      try {
        if (!this.#known.has(span.key)) this.#known.set(span.key, await this.#fetched(span));
        if (span.count === 1 && !this.#known.get(span.key)) setTimeout(() => this.#known.delete(span.key), AGAIN_MS);
      } catch {
        this.#failedAt = performance.now();
        break;
      }
      while (this.#known.size > KEEP) this.#known.delete(this.#known.keys().next().value);
      this.changed();
    }
    this.#loading = false;
  }

  /** One sheet with what its pictures show; both at once, as the server makes them in one go. */
  async #fetched({ from, to, count }) {
    const query = new URLSearchParams({ from, to, count, width: WIDTH });
    const image = new Image();
    image.src = `${this.api}/sheet.jpg?${query}`;
    const answer = await fetch(`${this.api}/sheet.json?${query}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(30000) });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${answer.status}`);
    const told = await answer.json();
    await image.decode();
    return { image, tiles: told.items, width: told.tile_width, height: told.tile_height };
  }
}
