// Backwards, as with the jog wheel of a cutting table: browsers play forwards alone, so it seeks back again and again.

const STEP_MS = 150;
const FASTEST = 16;

export class Jog {
  speed = 0; // how many times as fast backwards; 0 while it stands
  #timer = null;

  /** Go twice as fast as it `was`; `back(us)` is called with how far to go back. */
  faster(was, back) {
    this.stop();
    this.speed = Math.min(FASTEST, was * 2) || 1;
    this.#timer = setInterval(() => back(Math.round(this.speed * STEP_MS * 1000)), STEP_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.speed = 0;
  }
}
