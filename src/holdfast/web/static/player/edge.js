// Keeps a live picture near the newest one: a little faster when it lags, a jump when it lags much, and a little slower when
// too little is in hand, because a browser that has run dry stands still for a second.
//
// What counts is how much is left to show in the moment before more comes: that is the delay which nobody needs.

const JUMP_S = 3;
const BEGIN_JUMP_S = 0.3; // in the first moments, when nobody sees a jump
const BEGIN_MS = 1500;
const REST_S = 0.2; // measured: where the recorder begins another file, a fragment comes 0.1 s later than others
const SLOWER = 0.96;
const FASTER = 1.05; // not noticed; sound keeps its pitch
const FASTEST = 1.1; // from HURRY_S too much on
const HURRY_S = 0.5;
const WINDOW_MS = 2500; // ten fragments: one of them was the latest
const LEAST = 4; // fragments that must have come before anything is concluded

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
    this.rests = []; // {at, rest}: what was left when something came
    this.piece_s = 0.25; // how much comes at once
    this.end = null;
  }

  /** The picture stood still for lack of media. */
  stalled() {
    const now = performance.now();
    if (now - this.begun > BEGIN_MS) this.spare_s = Math.min(1.2, this.spare_s + 0.1);
    this.begun = now; // nobody sees a jump now
    this.rests = [];
  }

  /** More has come. */
  came() {
    const { end } = this.sink;
    const now = performance.now();
    if (this.end !== null && end > this.end) {
      const piece = end - this.end;
      if (piece < 2) this.piece_s = Math.max(piece, this.piece_s * 0.9);
      this.rests.push({ at: now, rest: this.end - this.video.currentTime });
      this.rests = this.rests.filter(({ at }) => now - at < WINDOW_MS);
    }
    this.end = end;
    if (now - this.begun < BEGIN_MS) this.keep();
  }

  /** Look, four times a second. */
  keep() {
    const { video } = this;
    const range = this.sink.range(video.currentTime, 0.1);
    if (!range || video.seeking) return;
    const ahead = range[1] - video.currentTime;
    const wanted = REST_S + this.spare_s;
    const first = performance.now() - this.begun < BEGIN_MS;
    if (ahead > (first ? this.piece_s + wanted + BEGIN_JUMP_S : JUMP_S)) {
      video.currentTime = Math.max(range[0], range[1] - this.piece_s - wanted);
      this.rests = [];
      return;
    }
    const enough = this.rests.length >= LEAST;
    const over = enough ? Math.min(...this.rests.map(({ rest }) => rest)) - wanted : 0;
    const fast = video.playbackRate > 1;
    const slow = video.playbackRate < 1;
    const rate = over > HURRY_S ? FASTEST : over > 0.08 || (fast && over > 0.02) ? FASTER : over < (slow ? -0.01 : -0.05) ? SLOWER : 1;
    if (video.playbackRate !== rate) video.playbackRate = rate;
    this.spare_s = Math.max(0, this.spare_s - 0.0005); // forgotten within minutes
  }
}
