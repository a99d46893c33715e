// The way that every browser and every proxy takes: single pictures, a few a second live, one a second of the past.
//
// Live they come in one answer (`live.mjpeg`), each with the instant at which it was taken; `heartbeat` keeps it going.

import { nowUs } from "../app.js";
import { beyond, Doubt } from "./why.js";

const WIDTH = 1280;
const FPS = 5; // chosen: 1.5 Mb/s of a picture that moves
const HEARTBEAT_MS = 10000; // as the server wants it
const QUIET_MS = 4000; // chosen: twenty pictures' time
const PAST_MS = 1000;
const AGAIN_MS = 2000;
const EMPTY_MS = 5000;

export class Pictures {
  tier = "source";
  notice = "This browser cannot play video from a stream: single pictures instead";
  #where = "live";
  #control = new AbortController();
  #painting = false;

  constructor(player) {
    this.player = player;
    this.api = `/api/v1/cameras/${encodeURIComponent(player.getAttribute("camera"))}`;
    this.image = Object.assign(document.createElement("img"), { className: "hf-video", alt: player.getAttribute("aria-label") || "" });
    player.video.hidden = true;
    player.video.after(this.image);
    this.doubt = new Doubt(player, () => { if (player.live) this.show("live"); });
  }

  busy = false;

  show(where) {
    this.#end();
    this.#where = where;
    this.asked = performance.now();
    this.doubt.calm();
    this.player.face.said("empty", "");
    const control = new AbortController();
    this.#control = control;
    if (where === "live") this.#live(control.signal); else this.#past(where, control.signal);
  }

  seek(us) { this.show(Math.round(us)); }

  pause() { this.#end(); }

  resume() { this.show(this.player.wallUs ?? "live"); }

  step(direction) { if (this.player.wallUs !== null) this.player.seek(this.player.wallUs + direction * 1e6); }

  renew() { this.again(); }

  again() { if (this.player.live) this.player.play("live"); else this.show(this.player.wallUs ?? "live"); }

  sleep() { this.#end(); }

  stop() {
    this.#end();
    this.image.remove();
    this.player.video.hidden = false;
  }

  run() {}

  paced() { if (!this.player.paused && this.#where === "live" && !this.player.live) this.resume(); }

  tick() {
    if (this.player.paused) return;
    this.doubt.look(QUIET_MS);
    if (this.#where !== "live" || performance.now() - this.beat < HEARTBEAT_MS) return;
    this.beat = performance.now();
    this.#post("heartbeat");
  }

  #post(what) { return fetch(`${this.api}/live/${what}`, { method: "POST", keepalive: what === "stop" }).catch(() => null); }

  #end() {
    const live = this.#where === "live" && !this.#control.signal.aborted;
    this.#control.abort();
    if (live && this.beat) this.#post("stop");
    this.beat = 0;
  }

  async #live(signal) {
    await this.#post("start");
    if (signal.aborted) return;
    this.beat = performance.now();
    try {
      const answer = await fetch(`${this.api}/live.mjpeg?width=${WIDTH}&fps=${FPS}`, { signal });
      if (answer.ok) for await (const { us, body } of parts(answer.body.getReader())) this.#came(body, us, signal);
      else this.player.face.said("notice", await sentence(answer), { forMs: EMPTY_MS });
    } catch {
      // It ended, or nobody wants it any more; whatever else it was, `doubt` asks.
    }
    if (!signal.aborted) setTimeout(() => { if (!signal.aborted) this.doubt.look(0); }, AGAIN_MS);
  }

  async #past(us, signal) {
    if (us > nowUs() - 2e6) { this.player.play("live"); return; }
    try {
      const answer = await fetch(`${this.api}/still.jpg?at=${us}&width=${WIDTH}`, { signal });
      if (answer.ok) await this.#came(await answer.blob(), us, signal);
      else if (answer.status === 401) this.player.lost("out", "");
      else if (answer.status === 404) us = await this.#over(us, signal);
      else this.player.face.said("notice", await sentence(answer), { forMs: EMPTY_MS });
    } catch {
      if (!signal.aborted) this.player.lost("away", "");
    }
    const go = () => { if (!signal.aborted && !this.player.paused) this.#past(us + Math.round(Math.max(0.5, this.player.speed) * PAST_MS * 1000), signal); };
    setTimeout(go, PAST_MS);
  }

  /** There is no picture of an instant: say why, and go on before the next one. */
  async #over(us, signal) {
    const { next_us, gap } = await beyond(this.player.getAttribute("camera"), us);
    if (signal.aborted) return us;
    this.doubt.calm();
    this.player.found();
    this.player.shown(us);
    this.player.empty(us, next_us, gap);
    return next_us === null ? us : next_us - Math.round(Math.max(0.5, this.player.speed) * PAST_MS * 1000);
  }

  /** Show a picture, unless the one before is still on its way: then nobody misses it. */
  async #came(body, us, signal) {
    this.doubt.calm();
    if (this.#painting) return;
    this.#painting = true;
    const before = this.image.src;
    this.image.src = URL.createObjectURL(body);
    try { await this.image.decode(); } catch { /* half a picture: the next one is whole */ }
    if (before) URL.revokeObjectURL(before);
    this.#painting = false;
    if (signal.aborted && this.#where === "live") return;
    this.player.found();
    this.player.awaits(null);
    if (this.asked) { this.player.landed(performance.now() - this.asked); this.asked = 0; }
    this.player.shown(us);
  }
}

async function sentence(answer) {
  const told = await answer.json().catch(() => null);
  return told?.error?.message || `The server answered ${answer.status}`;
}

/** The parts of a multipart answer: `{us, body}`. */
async function* parts(reader) {
  let held = new Uint8Array(0);
  const text = new TextDecoder("latin1");
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    for (;;) {
      const head = /^[\s\S]*?\r\n\r\n/.exec(text.decode(held.subarray(0, 1000)));
      const length = Number(/Content-Length: (\d+)/i.exec(head?.[0])?.[1]);
      if (!head || !length || held.length < head[0].length + length) break;
      const begin = head[0].length;
      yield { us: Number(/At-Us: (\d+)/i.exec(head[0])?.[1]), body: new Blob([held.slice(begin, begin + length)], { type: "image/jpeg" }) };
      held = held.slice(begin + length + 2);
    }
  }
}
