// How long a picture stands, and where steps lead whose picture was not shown yet.

const SETTLE_MS = 150; // a picture of its own is reported within this

export class Steps {
  frame_s = 0.04; // until pictures were seen
  target = null; // {at (null: not loaded), us, since}
  #seen = [];

  /** So long after the picture before came one. Of the last ones a short time counts: a busy machine leaves pictures out. */
  paced(step_s) {
    if (step_s < 0.005 || step_s > 2) return;
    this.#seen.push(step_s);
    if (this.#seen.length > 25) this.#seen.shift();
    const sorted = [...this.#seen].sort((one, other) => one - other);
    // One time alone may be several pictures' or that of a jump; two alike, or a handful, are the camera's rhythm.
    if (sorted.length > 4 || sorted[1] < 1.2 * sorted[0]) this.frame_s = sorted[sorted.length >> 2];
  }

  to(at, us) { this.target = { at, us, since: performance.now() }; }

  forget() { this.target = null; }

  /** A picture is on the screen: has the step come to its end? `arrived(target)` says it for one that was not loaded. */
  showed(media_s, { paused, seeking, arrived }) {
    if (!this.target) return;
    const { at, since } = this.target;
    const late = !seeking && performance.now() - since > SETTLE_MS;
    const there = at === null ? arrived() : Math.abs(media_s - at) < this.frame_s / 2;
    if (!paused || late || there) this.target = null;
  }
}
