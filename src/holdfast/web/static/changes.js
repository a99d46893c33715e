// News of the node for any number of open pages: one of them listens to the server and tells the others.
//
// A browser opens six connections to a server, and a page that listens keeps one of them for good: the seventh page would
// never load. So the page that holds a lock listens; when it goes, however it goes, the next one has the lock. Browsers
// have locks only over https and on the machine itself. Elsewhere pages look now and then, and one look serves all.

const NAME = "holdfast-changes";
const LOOK_MS = 2000; // chosen: how old news may be without locks
const BEAT_MS = 20000; // chosen: a page in the background is woken once a minute, so of three beats one comes
const PATIENCE_MS = 90000; // chosen: so long a page believes in one that listens but does not say so
const AGAIN_MS = 5000; // chosen: after the server refused, or was away
const SIGNED_OUT_MS = 30000; // chosen: somebody may have signed in again elsewhere
const TODAY_UNWELL_MS = 9000; // the server tells the node anew every 10 s then, and that asks for this, too
const TODAY_MS = 55000; // and each minute otherwise
const ANSWER_MS = 10000; // chosen: who answers later is away

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Follow the node. `hears` is told of it: `{node(said), today(words), away(), out()}`: news, how complete today is, no
 * answer, signed out.
 */
export function follow(hears) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(NAME) : null;
  const locks = channel ? navigator.locks : undefined;
  const patience = locks ? PATIENCE_MS : LOOK_MS;
  const gone = new AbortController();
  let newest = null, heardAt = performance.now(), out = false, failed = 0, source = null, let_go = null;
  let today = null, todayAt = -Infinity;

  function take({ kind, said }) {
    if (kind === "hello") {
      if (source && newest) channel.postMessage({ kind: "node", said: newest });
      if (source && today !== null) channel.postMessage({ kind: "today", said: today });
      return;
    }
    if (kind === "today") {
      today = String(said);
      todayAt = performance.now();
      hears.today(today);
      return;
    }
    heardAt = performance.now();
    if (kind === "away") hears.away();
    if (kind === "out") {
      out = true;
      hears.out();
    }
    if (kind !== "node" || !Array.isArray(said?.streams)) return;
    newest = said;
    hears.node(said);
    if (out) {
      out = false;
      queue();
    }
  }

  function tell(kind, said = null) {
    if (gone.signal.aborted) return;
    channel?.postMessage({ kind, said });
    take({ kind, said });
  }

  /** Ask how complete today is, where that is not just known: whoever heard of the node itself asks for all. */
  async function lookAtToday() {
    if (performance.now() - todayAt < (newest?.well ? TODAY_MS : TODAY_UNWELL_MS)) return;
    todayAt = performance.now();
    try {
      const answer = await fetch("/coverage/today", { signal: AbortSignal.timeout(ANSWER_MS) });
      if (!answer.redirected) tell("today", answer.status === 200 ? await answer.text() : "");
    } catch { /* the node is asked for as well, and says that the server is away */ }
  }

  async function look() {
    try {
      const answer = await fetch("/api/v1/streams", { signal: AbortSignal.timeout(ANSWER_MS) });
      if (answer.status === 401) tell("out");
      else if (answer.ok) {
        tell("node", await answer.json());
        lookAtToday();
      }
      failed = answer.status >= 500 ? failed + 1 : 0;
    } catch {
      failed += 1; // a page that is being left fails, too: once is nothing
    }
    if (failed > 1) tell("away");
  }

  /** Listen until the server refuses or this page goes. */
  function listen() {
    return new Promise((done) => {
      let quiet = null;
      const well = () => { clearTimeout(quiet); quiet = null; };
      let_go = () => { well(); source?.close(); source = null; done(); };
      source = new EventSource("/api/v1/changes");
      source.addEventListener("open", well);
      source.addEventListener("node", (event) => { well(); tell("node", JSON.parse(event.data)); lookAtToday(); });
      source.addEventListener("error", () => {
        if (source?.readyState === EventSource.CLOSED) let_go();
        else quiet ??= setTimeout(() => tell("away"), AGAIN_MS);
      });
    });
  }

  /** Be the page that listens, while it holds the lock. */
  async function lead() {
    const beat = setInterval(() => tell("here"), BEAT_MS);
    while (!out && !gone.signal.aborted) {
      await listen();
      if (gone.signal.aborted) break;
      await look(); // refused: signed out meanwhile, too many listen, or it is away
      if (!out) await pause(AGAIN_MS);
    }
    clearInterval(beat);
  }

  function queue() {
    locks?.request(NAME, { signal: gone.signal }, lead).catch(() => {}); // the page went before its turn came
  }

  async function watch() {
    while (!gone.signal.aborted) {
      await pause(LOOK_MS * (0.75 + Math.random() / 2)); // not all at the same time: whoever is first tells the others
      const since = performance.now() - heardAt;
      if (!source && !document.hidden && since > (out ? SIGNED_OUT_MS : patience)) await look();
    }
  }

  /** Ask the page that listens; if none answers, look. */
  function hello() {
    if (source) return;
    channel?.postMessage({ kind: "hello" });
    heardAt = Math.min(heardAt, performance.now() - patience + LOOK_MS);
  }

  channel?.addEventListener("message", ({ data }) => { if (data?.kind) take(data); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hello(); });
  addEventListener("pagehide", () => {
    gone.abort();
    let_go?.();
    channel?.close();
  }, { once: true });
  queue();
  hello();
  watch();
}
