// What is known of a camera's time: asked for a little more than is seen, and again as time goes on.

import { nowUs } from "../app.js";

const AGAIN_MS = 10000; // what is in view and near now
const RETRY_MS = 5000;

export class Known {
  /** `source`: address without a query; `changed()` is called when there is more to draw. */
  constructor(source, changed) {
    this.source = source;
    this.changed = changed;
    this.parts = { segments: [], gaps: [], notes: [], buckets: [] };
    this.from = 0;
    this.to = 0;
    this.askedAt = 0;
    this.failed = false;
    this.control = null;
    this.written = []; // notes of this page that an answer under way may not have
  }

  /** A note was written just now: it is there at once. */
  add(note) {
    this.written.push(note);
    this.#merge();
  }

  #merge() {
    const has = (note) => this.parts.notes.some((one) => one.at_us === note.at_us && one.words === note.words);
    this.parts.notes = [...this.parts.notes, ...this.written.filter((note) => !has(note))].sort((a, b) => a.at_us - b.at_us);
  }

  /** Somebody looks at this span, as wide as so many pixels. */
  look(from, to, pixels) {
    const width = to - from;
    const now = performance.now();
    const covered = from >= this.from && to <= this.to && width > (this.to - this.from) / 12;
    const old = Math.min(to, nowUs()) > this.askedAt - 60e6 && now - this.at > AGAIN_MS;
    if (this.control || (covered && !old) || (this.failed && now - this.at < RETRY_MS)) return;
    this.ask(from - width, Math.min(to + width, nowUs() + width), Math.min(4000, Math.round(pixels * 3)));
  }

  async ask(from, to, pixels) {
    this.control = new AbortController();
    this.at = performance.now();
    const timer = setTimeout(() => this.control.abort(), 20000);
    try {
      const query = new URLSearchParams({ from: Math.max(86400e6, Math.floor(from)), to: Math.ceil(Math.max(to, from + 1e6)), pixels });
      const answer = await fetch(`${this.source}?${query}`, { signal: this.control.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const body = await answer.json();
      const mine = body.cameras ? body.cameras[0] : body;
      this.parts = { segments: [], gaps: [], notes: [], buckets: [], ...mine };
      this.#merge();
      this.from = from;
      this.to = to;
      this.askedAt = body.now_us ?? nowUs();
      this.failed = false;
    } catch {
      this.failed = true;
    } finally {
      clearTimeout(timer);
      this.control = null;
      this.changed();
    }
  }

  /** Forget, so that the next look asks again. */
  renew() { this.to = 0; this.from = 0; }

  endOf(gap) { return gap.end_us ?? nowUs(); }

  gapAt(us) {
    return this.parts.gaps.find((gap) => us >= gap.start_us && us < this.endOf(gap));
  }

  segmentAt(us) {
    return this.parts.segments.find((one) => us >= one.start_us && us < this.endOfSegment(one));
  }

  /** The end of a segment; the one that grows reaches to now. */
  endOfSegment(one) {
    const growing = one.end_us > this.askedAt - 20e6 && !this.parts.gaps.some((gap) => gap.end_us === null);
    return growing ? Math.max(one.end_us, nowUs() - 1e6) : one.end_us;
  }

  /** The next (1) or last (-1) gap or note from an instant, however far: `{at_us, gap, note}`; `at_us` is null for none. */
  async beside(us, direction) {
    const query = new URLSearchParams({ at: Math.max(86400e6, Math.round(us)), direction: direction > 0 ? "next" : "previous" });
    const answer = await fetch(`${this.source}/next?${query}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20000) });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }
}
