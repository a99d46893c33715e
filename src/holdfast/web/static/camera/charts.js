// What was measured, drawn below the timeline and over the same span: black, movement and sound, each with its threshold;
// loudness and blocks where they are measured.
//
// Nothing is loaded before somebody opens it. Looks of a short span, minutes of a long one: the answer says which.

import { make, nowUs } from "../app.js";
import { colours } from "../timeline/draw.js";
import { clockWords, dayWords, nearWords } from "../player/words.js";

const HIGH = 72; // pixels of a chart
const LATER_MS = 250; // chosen: whoever drags the timeline asks once they rest
const AGAIN_MS = 10000, RETRY_MS = 5000;
const SILENT = -70; // dB at the lower edge; below is as good as nothing

const one = (value, digits = 1) => value.toFixed(digits);
const ALL = [
  { key: "black", title: "Black", say: (v) => `${one(v)} %`, look: "blackscreen_percentage", minute: "black_most", top: () => 100,
    bottom: 0, over: true, bad: (v, limit) => v > limit },
  // Half a grey decides, and a hundred is usual: roots show both.
  { key: "difference", title: "Movement", say: (v) => `${one(v, v < 10 ? 2 : 0)} of 255`, look: "difference", minute: "difference_least",
    put: Math.sqrt, top: (values) => Math.max(2, ...values), room: 1.05, bottom: 0, bad: (v, limit) => v < limit },
  { key: "db", title: "Sound", say: (v) => `${one(v, 0)} dB`, look: "mean_volume_db", minute: "db_mean", put: (v) => Math.max(SILENT, v),
    top: () => 0, bottom: SILENT, bad: (v, limit) => v <= limit },
  { key: "loudness", title: "Loudness", say: (v) => `${one(v)} LUFS`, look: "loudness", minute: "loudness_most", put: (v) => Math.max(SILENT, v),
    top: () => 0, bottom: SILENT },
  { key: "blocks", title: "Blocks", say: (v) => `${one(v)} times`, look: "blocks", minute: "blocks_most",
    top: (values) => Math.max(2, ...values), room: 1.05, bottom: 0, over: true, bad: (v, limit) => v > limit },
];

/** Fill the `details` once it is opened. `go(us)` plays an instant. */
export function charts(box, { camera, timeline, go }) {
  let begun = false;
  box.addEventListener("toggle", () => {
    if (!box.open || begun) return;
    begun = true;
    import(box.dataset.plot).then(({ default: Plot }) => new Charts(box, camera, timeline, go, Plot), () => {
      begun = false;
      box.open = false;
    });
  });
}

class Charts {
  #at = []; // seconds
  #values = {};
  #minutes = false;
  #from = 0;
  #to = 0;
  #asked = -Infinity;
  #asking = false;
  #failed = false;
  #timer = null;
  #index = null;

  constructor(box, camera, timeline, go, Plot) {
    Object.assign(this, { box, timeline, go, Plot });
    this.source = `/api/v1/cameras/${encodeURIComponent(camera)}/measures`;
    document.head.append(make("link", { rel: "stylesheet", href: box.dataset.style }));
    this.charts = ALL.filter(({ key }) => key in box.dataset);
    // Loudness has no threshold.
    this.limits = Object.fromEntries(this.charts.map(({ key }) => [key, box.dataset[key] === "" ? null : Number(box.dataset[key])]));
    this.colour = colours(box);
    this.readout = make("p", { class: "charts-read small", role: "status" });
    this.plots = make("div", { class: "charts-plots", tabindex: "0", role: "group",
      "aria-label": "Measures: arrows go from one to the next, Enter plays it" });
    this.box.append(this.readout, this.plots);
    this.made = this.charts.map((chart) => this.#make(chart));
    timeline.addEventListener("hf-view", () => this.#viewed());
    new ResizeObserver(() => this.#fit()).observe(this.plots);
    box.addEventListener("toggle", () => this.#viewed());
    this.plots.addEventListener("keydown", (event) => this.#key(event));
    this.plots.addEventListener("blur", () => this.#point(null));
    const themed = () => { this.colour = colours(box); for (const { plot } of this.made) plot.redraw(); };
    document.addEventListener("hf-theme", themed);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", themed);
    setInterval(() => { if (!document.hidden) this.#look(); }, 1000);
    this.#look();
  }

  #make(chart) {
    const head = make("p", { class: "charts-head small" }, make("strong", {}, chart.title), " ", make("span", { class: "quiet" }));
    const place = make("div", { class: "charts-plot" });
    this.plots.append(head, place);
    const options = {
      width: Math.max(100, this.plots.clientWidth), height: HIGH, padding: [2, 0, 2, 0], legend: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: {
        x: { time: false, range: () => [this.timeline.from / 1e6, this.timeline.to / 1e6] },
        y: { range: () => [this.#put(chart, chart.bottom), Math.max(chart.top(this.#drawn(chart)), this.#put(chart, this.limits[chart.key] ?? chart.bottom)) * (chart.room ?? 1)] },
      },
      series: [{}, { stroke: () => this.colour.accent, width: 1.5, spanGaps: false, points: { show: (plot, n, from, to) => to - from < 4 } }],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: { key: "measures" } },
      hooks: {
        drawClear: [(plot) => this.#ground(plot, chart)],
        setCursor: [(plot) => { if (plot.cursor.event) this.#say(plot.cursor.idx); }],
      },
    };
    const plot = new this.Plot(options, [[], []], place);
    plot.over.addEventListener("click", () => {
      const { left } = plot.cursor;
      if (left >= 0) this.go(Math.round(plot.posToVal(left, "x") * 1e6));
    });
    return { chart, plot, head };
  }

  #put(chart, value) { return chart.put ? chart.put(value) : value; }

  #drawn(chart) { return (this.#values[chart.key] || []).map((value) => (value === null ? 0 : this.#put(chart, value))); }

  /** The threshold, and the part beyond it. */
  #ground(plot, chart) {
    const { ctx, bbox } = plot, ratio = devicePixelRatio || 1;
    const limit = this.limits[chart.key];
    ctx.save();
    ctx.fillStyle = this.colour.raised;
    ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
    if (limit !== null) this.#line(ctx, bbox, Math.round(plot.valToPos(this.#put(chart, limit), "y", true)), chart.over, ratio);
    ctx.restore();
  }

  #line(ctx, bbox, y, above, ratio) {
    ctx.fillStyle = this.colour["bad-soft"];
    ctx.fillRect(bbox.left, above ? bbox.top : y, bbox.width, above ? y - bbox.top : bbox.top + bbox.height - y);
    ctx.strokeStyle = this.colour.bad;
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y + 0.5);
    ctx.lineTo(bbox.left + bbox.width, y + 0.5);
    ctx.stroke();
  }

  // --- what is asked for -----------------------------------------------------------------------------------------------

  #viewed() {
    if (!this.box.open) return;
    for (const { plot } of this.made) plot.setScale("x", { min: this.timeline.from / 1e6, max: this.timeline.to / 1e6 });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { this.#look(); this.#sum(); }, LATER_MS);
  }

  #look() {
    if (!this.box.open || this.#asking) return;
    const { from, to } = this.timeline, width = to - from, now = performance.now();
    const covered = from >= this.#from && to <= this.#to && width > (this.#to - this.#from) / 4;
    const old = now - this.#asked > AGAIN_MS && to > nowUs() - 60e6;
    if ((covered && !old) || (this.#failed && now - this.#asked < RETRY_MS)) return;
    this.#ask(Math.max(86400e6, Math.floor(from - width / 4)), Math.ceil(to + width / 4));
  }

  async #ask(from, to) {
    this.#asking = true;
    this.#asked = performance.now();
    try {
      const answer = await fetch(`${this.source}?${new URLSearchParams({ from, to })}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20000) });
      if (!answer.ok) throw new Error(`${answer.status}`);
      this.#take(await answer.json());
      [this.#from, this.#to, this.#failed] = [from, to, false];
    } catch {
      this.#failed = true;
    }
    this.#asking = false;
    this.#sum();
    this.#look(); // the view may have gone on meanwhile
  }

  #take(body) {
    this.#minutes = body.minutes.length > 0;
    const rows = this.#minutes ? body.minutes : body.looks, each_s = this.#minutes ? 60 : 5;
    const at = [], values = Object.fromEntries(this.charts.map(({ key }) => [key, []]));
    for (const row of rows) {
      const us = this.#minutes ? row.minute_us + 30e6 : row.at_us;
      // Where nothing was measured the line ends, and begins anew.
      if (at.length && us / 1e6 - at.at(-1) > each_s * 3) {
        at.push(at.at(-1) + each_s);
        for (const { key } of this.charts) values[key].push(null);
      }
      at.push(us / 1e6);
      for (const chart of this.charts) values[chart.key].push(row[this.#minutes ? chart.minute : chart.look]);
    }
    this.#at = at;
    this.#values = values;
    this.#index = null;
    for (const { chart, plot } of this.made) plot.setData([at, values[chart.key].map((value) => (value === null ? null : this.#put(chart, value)))]);
  }

  // --- what is said ------------------------------------------------------------------------------------------------------

  /** Each chart in words: what it is between, and how often beyond its threshold. */
  #sum() {
    const { from, to } = this.timeline, noun = this.#minutes ? "minutes" : "looks";
    for (const { chart, head } of this.made) {
      const limit = this.limits[chart.key];
      const seen = (this.#values[chart.key] || []).filter((value, n) => value !== null && this.#at[n] >= from / 1e6 && this.#at[n] < to / 1e6);
      const bad = limit === null ? 0 : seen.filter((value) => chart.bad(value, limit)).length;
      const beyond = `${bad ? `${bad} of ${seen.length} ${noun}` : "never"} ${chart.over ? "over" : "under"} ${limit === null ? "" : chart.say(limit)}`;
      const words = this.#failed ? "cannot be read just now" : !seen.length ? "nothing was measured in this span"
        : `${chart.say(seen.reduce((a, b) => Math.min(a, b)))} to ${chart.say(seen.reduce((a, b) => Math.max(a, b)))}${limit === null ? "" : `; ${beyond}`}`;
      const said = head.querySelector("span");
      if (said.textContent !== words) said.textContent = words;
    }
  }

  #say(index) {
    const at = index == null ? null : this.#at[index];
    if (at == null) { this.readout.textContent = ""; return; }
    const us = at * 1e6, values = this.charts.map((chart) => [chart, this.#values[chart.key][index]]).filter(([, value]) => value !== null);
    if (!values.length) { this.readout.textContent = ""; return; }
    const when = this.#minutes ? `${dayWords(us)}, minute of ${clockWords(us - 30e6).slice(0, 5)}` : nearWords(us, nowUs());
    this.readout.textContent = `${when}: ${values.map(([chart, value]) => `${chart.title.toLowerCase()} ${chart.say(value)}`).join(", ")}`;
  }

  #point(index) {
    this.#index = index;
    for (const { plot } of this.made) {
      plot.setCursor(index === null ? { left: -10, top: -10 } : { left: plot.valToPos(this.#at[index], "x"), top: HIGH / 2 }, false);
    }
    this.#say(index);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { from, to } = this.timeline;
    const shown = this.#at.flatMap((at, n) => (at * 1e6 >= from && at * 1e6 < to && this.charts.some(({ key }) => this.#values[key][n] !== null) ? [n] : []));
    const at = shown.indexOf(this.#index), far = event.shiftKey ? 10 : 1;
    const next = { ArrowLeft: at < 0 ? shown.length - 1 : at - far, ArrowRight: at < 0 ? 0 : at + far, Home: 0, End: shown.length - 1 }[event.key];
    if (next !== undefined && shown.length) this.#point(shown[Math.max(0, Math.min(shown.length - 1, next))]);
    else if (event.key === "Enter" && this.#index !== null) this.go(Math.round(this.#at[this.#index] * 1e6));
    else return;
    event.preventDefault();
    event.stopPropagation(); // arrows seek elsewhere on the page
  }

  #fit() {
    const width = this.plots.clientWidth;
    if (!width) return;
    for (const { plot } of this.made) if (plot.width !== width) plot.setSize({ width, height: HIGH });
  }
}
