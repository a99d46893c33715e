// The way of browsers that take lists and no stream (older iPhones): HLS in their own player, some seconds late.

import { nowUs } from "../app.js";
import { Doubt } from "./why.js";

const SPAN_US = 6 * 3600e6; // chosen: a list of hours is some hundred kilobytes
const LISTED_S = 3; // measured: so long ago was the newest picture that a list names
const QUIET_MS = 12000; // chosen: twice as long as such players fall behind by themselves

export class List {
  tier = "source";
  notice = "In this browser live is some seconds late";
  #where = "live";
  #gone = false;

  constructor(player) {
    this.player = player;
    this.video = player.video;
    this.doubt = new Doubt(player, () => { if (this.video.error || player.live) this.show(this.#where); });
    const on = (name, act) => this.video.addEventListener(name, () => { if (!this.#gone) act(); });
    on("timeupdate", () => this.#shows());
    on("seeked", () => this.#shows());
    on("ended", () => player.play(this.#where === "live" ? "live" : player.wallUs ?? "live"));
    on("error", () => { if (this.video.src) this.doubt.look(0); });
  }

  get busy() { return this.video.seeking || this.video.readyState < 2; }

  show(where) {
    const query = new URLSearchParams(where === "live" ? {} : { from: where, to: where + SPAN_US });
    if (where === "live" && this.tier !== "source") query.set("tier", this.tier);
    this.#where = where;
    this.doubt.calm();
    this.video.src = `/api/v1/cameras/${encodeURIComponent(this.player.getAttribute("camera"))}/${where === "live" ? "live" : "playback"}.m3u8${query.size ? `?${query}` : ""}`;
    this.asked = performance.now();
    this.run();
  }

  seek(us) { this.show(Math.round(us)); }

  pause() { this.video.pause(); }

  resume() { if (this.#where === "live") this.show(this.player.wallUs ?? "live"); else this.run(); }

  step(direction) { this.player.seek(this.player.wallUs + direction * 40_000); }

  renew() { this.again(); }

  again() { if (this.player.live) this.player.play("live"); else this.show(this.player.wallUs ?? this.#where); }

  sleep() {
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  stop() {
    this.#gone = true;
    this.sleep();
  }

  run() {
    this.video.playbackRate = this.player.live ? 1 : Math.max(0.5, this.player.speed);
    if (this.player.paused) this.video.pause();
    else this.video.play()?.catch(() => {}); // the browser may want a finger first: its button is there
  }

  paced() { this.run(); }

  tick() { if (!this.player.paused) this.doubt.look(QUIET_MS); }

  #shows() {
    const { video, player } = this;
    if (video.readyState < 2) return;
    player.found();
    player.awaits(null);
    if (!video.paused) this.doubt.calm();
    if (this.asked) { player.landed(performance.now() - this.asked); this.asked = 0; }
    const begun_ms = video.getStartDate?.().getTime();
    if (begun_ms > 0) player.shown(Math.round(begun_ms * 1000 + video.currentTime * 1e6));
    else if (this.#where !== "live") player.shown(Math.round(this.#where + video.currentTime * 1e6));
    else player.shown(Math.round(nowUs() - (LISTED_S + Math.max(0, video.seekable.end(0) - video.currentTime)) * 1e6));
  }
}
