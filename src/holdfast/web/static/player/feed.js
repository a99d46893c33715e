// The WebSocket to the server: connects, connects again, and hands on what comes, in order (docs/design/0006).

const FIRST_MS = 500;
const MOST_MS = 10000;
const FULL_MS = 10000; // as many as may are watching
const FINAL = new Set(["not-found", "forbidden", "unauthorized"]); // asking again would not help

export class Feed {
  /** `hear(name, value)` for each message, `data(bytes)`, `open()`, `lost(words, final)`. */
  constructor(camera, stream, handlers) {
    this.camera = camera;
    this.stream = stream;
    this.handlers = handlers;
    this.socket = null;
    this.tries = 0;
    this.tier = "source";
    this.can = "";
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
    let heard = false;
    socket.addEventListener("open", () => { if (this.socket === socket) this.handlers.open(); });
    socket.addEventListener("message", ({ data }) => {
      if (this.socket !== socket) return;
      if (!heard) { heard = true; this.tries = 0; }
      if (typeof data !== "string") { this.handlers.data(data); return; }
      const said = JSON.parse(data);
      if (said.error) this.error = said.error;
      for (const [name, value] of Object.entries(said)) this.handlers.hear(name, value);
    });
    socket.addEventListener("close", (event) => { if (this.socket === socket) this.closed(event); });
  }

  say(message) { if (this.connected) this.socket.send(JSON.stringify(message)); }

  close() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.close();
  }

  closed() {
    this.socket = null;
    const error = this.error;
    if (error && FINAL.has(error.code)) {
      this.handlers.lost(error.message, true);
      return;
    }
    const wait = error?.code === "too-many" ? FULL_MS : Math.min(MOST_MS, FIRST_MS * 2 ** this.tries) * (0.75 + Math.random() / 2);
    this.tries += 1;
    this.timer = setTimeout(() => this.open(), wait);
    this.handlers.lost(error ? error.message : "The connection to the server was lost: trying again", false);
    if (this.tries === 2) {
      fetch("/api/v1/session").then((answer) => {
        if (answer.status !== 401) return;
        this.close();
        this.handlers.lost("You were signed out: load this page again to sign in", true);
      }, () => {});
    }
  }
}
