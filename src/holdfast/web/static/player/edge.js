// Keeps a live picture near the newest one: a little faster when it lags, a jump when it lags much.

const JUMP_S = 3;
const BEGIN_JUMP_S = 1.3; // in the first second, when nobody sees a jump
const BEGIN_MS = 1500;
const REST_S = 0.25; // what should remain buffered in the worst moment; more is delay for nothing
const FASTER = 1.05;
const WINDOW = 10; // looks

export class Edge {
  constructor(video, sink) {
    this.video = video;
    this.sink = sink;
    this.spare_s = 0; // more, for a connection that stutters
    this.begin();
  }

  /** Live begins. */
  begin() {
    this.begun = performance.now();
    this.least = [];
  }

  /** The picture stood still for lack of media. */
  stalled() {
    if (performance.now() - this.begun > BEGIN_MS) this.spare_s = Math.min(1.2, this.spare_s + 0.1);
  }

  /** Look, four times a second. */
  keep() {
    const range = this.sink.range(this.video.currentTime, 0.1);
    if (!range || this.video.seeking) return;
    const ahead = range[1] - this.video.currentTime;
    this.least.push(ahead);
    if (this.least.length > WINDOW) this.least.shift();
    const first = performance.now() - this.begun < BEGIN_MS;
    if (ahead > (first ? BEGIN_JUMP_S : JUMP_S)) {
      this.video.currentTime = Math.max(range[0], range[1] - 0.6 - this.spare_s);
      this.least = [];
      return;
    }
    const rest = Math.min(...this.least) - REST_S - this.spare_s;
    const fast = this.video.playbackRate > 1;
    const rate = this.least.length >= WINDOW / 2 && (rest > 0.25 || (fast && rest > 0.02)) ? FASTER : 1;
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
    this.spare_s = Math.max(0, this.spare_s - 0.0005); // forgotten within minutes
  }
}
