// The way of browsers that take lists and no stream (older iPhones): HLS in their own player, some seconds late.
//
// Which wall time is on the screen says the list, read here as well: Safari alone gives it away (`getStartDate`). The past
// is exact to the picture; live is an estimate to within a piece of two seconds, as players choose where they begin.

import { nowUs } from "../app.js";
import { OLD_S } from "./face.js";
import { Doubt } from "./why.js";

const SPAN_US = 6 * 3600e6; // chosen: a list of hours is some hundred kilobytes
const WRITTEN_US = 11e6; // what is older the server lists as over (library/hls.py: 10 s)
const LEAST_US = 1e6;
const BEHIND = 3; // pieces before the end, where players begin (RFC 8216, 6.3.3)
const EMPTY_US = 500_000; // chosen: nobody means an instant more exactly
const QUIET_MS = 12000; // chosen: twice as long as such players fall behind by themselves
const LATE_MS = 5000; // chosen: so long live may be old before it begins anew
const CALM_MS = 60000; // chosen

export class List {
  tier = "source";
  notice = "In this browser live is some seconds late";
  #where = "live";
  #gone = false;
  #pieces = []; // of the list: {at_s, us, s}, `at_s` from the begin of what plays
  #wishes = 0;
  #bears_ms = LATE_MS;
  #hurried = -CALM_MS;

  constructor(player) {
    this.player = player;
    this.video = player.video;
    this.doubt = new Doubt(player, () => { if (this.video.error || player.live) this.again(); });
    const on = (name, act) => this.video.addEventListener(name, () => { if (!this.#gone) act(); });
    on("timeupdate", () => this.#shows());
    on("loadedmetadata", () => this.#lands());
    on("seeked", () => this.#shows());
    on("ended", () => this.#goes());
    on("error", () => { if (this.video.src) this.doubt.look(0); });
  }

  get busy() { return this.video.seeking || this.video.readyState < 2; }

  show(where) {
    // A list that may still grow is begun near its end; one that is over, at its begin.
    const over = Math.round(nowUs()) - WRITTEN_US;
    if (where !== "live" && where > over - LEAST_US) { this.player.play("live"); return; }
    const query = new URLSearchParams(where === "live" ? {} : { from: where, to: Math.min(where + SPAN_US, over) });
    if (where === "live" && this.tier !== "source") query.set("tier", this.tier);
    this.#where = where;
    this.doubt.calm();
    this.timely = performance.now();
    const address = `/api/v1/cameras/${encodeURIComponent(this.player.getAttribute("camera"))}/${where === "live" ? "live" : "playback"}.m3u8${query.size ? `?${query}` : ""}`;
    this.player.face.said("empty", "");
    this.#read(address);
    this.video.src = address;
    this.asked = performance.now();
    this.run();
  }

  async #read(address) {
    const wish = ++this.#wishes;
    this.#pieces = [];
    const text = await fetch(address).then((answer) => (answer.ok ? answer.text() : ""), () => "");
    if (wish !== this.#wishes) return;
    this.#pieces = pieces(text, this.#where === "live");
    this.#lands();
  }

  /** A list begins with the piece that holds an instant: go on to it, or say that there is none. */
  #lands() {
    const us = this.#where, [first] = this.#pieces;
    if (us === "live" || !first || !this.video.readyState || this.landed === this.#pieces) return;
    this.landed = this.#pieces;
    const piece = this.#pieces.find((one) => one.us + one.s * 1e6 > us);
    if (!piece) return;
    if (piece.us - us > EMPTY_US) this.player.empty(us, piece.us);
    this.video.currentTime = piece.at_s + Math.max(0, (us - piece.us) / 1e6);
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

  tick() {
    if (this.player.paused) return;
    this.doubt.look(QUIET_MS);
    this.#hurries();
  }

  /** From how many seconds on live is old: later than where players begin, by two pieces. */
  get oldS() { return Math.max(OLD_S, this.#pieces.reduce((sum, { s }) => sum + s, 0) + 2 * (this.#pieces.at(-1)?.s ?? 0)); }

  /** Such a player does not make up for a standstill: live that became old, though there is newer, begins anew. */
  #hurries() {
    const { player } = this, now = performance.now();
    if (player.now && now - this.#hurried > CALM_MS) this.#bears_ms = LATE_MS;
    if (player.now || !player.live || player.trouble || this.busy || player.delayS === null) this.timely = now;
    else if (now - this.timely > this.#bears_ms) {
      this.#hurried = now;
      this.#bears_ms = Math.min(2 * this.#bears_ms, CALM_MS); // where it does not help it is not done all the time
      player.play("live");
    }
  }

  #shows() {
    const { video, player } = this;
    if (video.readyState < 2) return;
    player.found();
    player.awaits(null);
    if (!video.paused) this.doubt.calm();
    if (this.asked) { player.landed(performance.now() - this.asked); this.asked = 0; }
    const begun_ms = video.getStartDate?.().getTime();
    if (begun_ms > 0) player.shown(Math.round(begun_ms * 1000 + video.currentTime * 1e6));
    else if (this.#pieces.length) player.shown(this.#wall(video.currentTime));
  }

  /** A list is over: so is live where nothing comes, and the past goes on with the next list. */
  #goes() {
    const { player } = this;
    if (this.#where === "live" || player.wallUs === null) player.play("live");
    else this.show(Math.max(player.wallUs, this.#where + LEAST_US));
  }

  #wall(at_s) {
    const piece = this.#pieces.findLast((one) => one.at_s <= at_s + 0.001) || this.#pieces[0];
    return Math.round(piece.us + (at_s - piece.at_s) * 1e6);
  }
}

/** The pieces of a list, from where a player begins. */
function pieces(text, live) {
  const found = [];
  let us = 0, s = 0, at_s = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) us = Date.parse(line.slice(25)) * 1000;
    else if (line.startsWith("#EXTINF:")) s = Number.parseFloat(line.slice(8));
    else if (line && !line.startsWith("#")) { found.push({ at_s, us, s }); at_s += s; }
  }
  if (!live || !found.length) return found;
  const longest = Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(text)?.[1]);
  const begin = found.findLast((one) => one.at_s <= at_s - BEHIND * longest) || found[0];
  return found.filter((one) => one.at_s >= begin.at_s).map((one) => ({ ...one, at_s: one.at_s - begin.at_s }));
}
