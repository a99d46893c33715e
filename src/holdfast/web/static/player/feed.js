// The WebSocket to the server: connects, connects again, and hands on what comes, in order (docs/design/0006).

const FIRST_MS = 500;
const MOST_MS = 5000; // chosen: so long after a server is back its pictures are
const FULL_MS = 10000; // as many as may are watching
const OUT_MS = 15000; // chosen: somebody may sign in elsewhere
const CONNECT_MS = 8000; // chosen: who takes a connection and says nothing for longer is away
const ANSWER_MS = 8000;
const BLOCKED = 3; // chosen: so often in a row a proxy may fail by accident
const FINAL = new Set(["not-found", "forbidden"]); // asking again would not help

export class Feed {
  /**
   * `hear(name, value)` for each message, `data(bytes)`, `open()`, `lost(kind, words)`: `away` (the server), `full`, `out`
   * (signed out), `final`; `blocked()`: the server answers, but no WebSocket comes through.
   */
  constructor(camera, stream, handlers) {
    this.camera = camera;
    this.stream = stream;
    this.handlers = handlers;
    this.socket = null;
    this.tries = 0;
    this.refused = 0;
    this.tier = "source";
    this.can = "";
    this.heardAt = 0;
  }

  get connected() { return Boolean(this.socket) && this.socket.readyState === WebSocket.OPEN; }

  open() {
    this.close();
    const query = new URLSearchParams({ stream: this.stream, tier: this.tier, can: this.can });
    const address = new URL(`/api/v1/cameras/${encodeURIComponent(this.camera)}/stream?${query}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.error = null;
    let heard = false, opened = false;
    this.limit = setTimeout(() => { if (this.socket === socket && !opened) this.drop(); }, CONNECT_MS);
    socket.addEventListener("open", () => {
      opened = true;
      this.refused = 0;
      this.heardAt = performance.now();
      if (this.socket === socket) this.handlers.open();
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.socket !== socket) return;
      this.heardAt = performance.now();
      if (!heard) { heard = true; this.tries = 0; }
      if (typeof data !== "string") { this.handlers.data(data); return; }
      const said = JSON.parse(data);
      if (said.error) this.error = said.error;
      for (const [name, value] of Object.entries(said)) this.handlers.hear(name, value);
    });
    socket.addEventListener("close", (event) => { if (this.socket === socket) this.closed(opened, event.reason); });
  }

  say(message) { if (this.connected) this.socket.send(JSON.stringify(message)); }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.limit);
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.close();
  }

  /** Try now instead of later. */
  again() {
    this.tries = 0;
    this.open();
  }

  /** Nothing came for too long: who does not even say why is away. */
  drop() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.closed(false, "");
  }

  closed(opened, reason) {
    clearTimeout(this.limit);
    this.socket = null;
    const error = this.error;
    if (error && FINAL.has(error.code)) {
      this.handlers.lost("final", error.message);
      return;
    }
    if (reason === "signed out" || error?.code === "unauthorized") {
      this.#out();
      return;
    }
    const full = error?.code === "too-many";
    const wait = full ? FULL_MS : Math.min(MOST_MS, FIRST_MS * 2 ** this.tries) * (0.75 + Math.random() / 2);
    this.tries += 1;
    this.timer = setTimeout(() => this.open(), wait);
    this.handlers.lost(full ? "full" : "away", error ? error.message : "");
    if (!opened && !error) this.#why();
  }

  /** Refused before a word could be said: find out why. */
  async #why() {
    const status = await asked();
    if (this.socket?.readyState === WebSocket.OPEN) return;
    if (status === 401) this.#out();
    else if (status === 200 && ++this.refused >= BLOCKED) this.handlers.blocked();
  }

  #out() {
    this.close();
    this.handlers.lost("out", "");
    const look = async () => {
      if (await asked() === 200) this.again();
      else this.timer = setTimeout(look, OUT_MS);
    };
    this.timer = setTimeout(look, OUT_MS);
  }
}

/** The server's word on whether somebody is signed in: 200, 401; 0 where it does not answer. */
async function asked() {
  try {
    return (await fetch("/api/v1/session", { signal: AbortSignal.timeout(ANSWER_MS) })).status;
  } catch {
    return 0;
  }
}
