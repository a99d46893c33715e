// Boxes and polygons over a picture, in percent of it: by mouse, by finger and by keyboard.
//
//   const drawing = new Drawing(frame, { kind: "polygon", most: 8, noun: "Mask", label: "Masks", changed: (shapes, over) => … });
//   drawing.shapes = [[[10, 10], [90, 10], [50, 90]]];
//
// `frame` holds the picture and nothing else that is seen; its own position must not be static. A shape is a list of
// corners [x, y] in percent from the top left; a box has four, clockwise from its top left one. `changed` is called with
// all shapes while something moves, and with `over` true once it is let go.
//
// Mouse and finger: drag over the picture for a new box; click its corners for a new polygon, the first one again to end
// it. Corners and whole shapes are dragged; the small dots between corners of a polygon become corners. Keyboard: each
// corner and each shape takes the focus; arrows move it (shift: far, alt: fine), Insert adds a corner after the one that
// has the focus, Delete takes it or the shape away; `add()` is for a button. Escape gives up what is begun.

import { make } from "./app.js";

const SVG = "http://www.w3.org/2000/svg";
const LEAST = 2; // percent: a click that trembles is no box
const CLOSE = 14; // pixels from the first corner that end a polygon
const CORNERS = 24; // chosen: nobody draws more by hand
const STEP = 1, FAR = 5, FINE = 0.1;

const within = (value) => Math.round(Math.min(100, Math.max(0, value)) * 10) / 10;
const boxOf = ([x1, y1], [x2, y2]) => {
  const [left, right] = [x1, x2].sort((a, b) => a - b), [top, bottom] = [y1, y2].sort((a, b) => a - b);
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
};

/** The middle of a shape. */
export const middle = (shape) => [0, 1].map((axis) => shape.reduce((sum, corner) => sum + corner[axis], 0) / shape.length);

/** A box as settings have it: left, top, right, bottom. */
export const fromBox = (shape) => [shape[0][0], shape[0][1], shape[2][0], shape[2][1]].join(" ");

/** The box of `left top right bottom`; null where that is none. */
export function toBox(text) {
  const [left, top, right, bottom, more] = text.trim().split(/\s+/).map(Number);
  const good = more === undefined && left >= 0 && left < right && right <= 100 && top >= 0 && top < bottom && bottom <= 100;
  return good ? boxOf([left, top], [right, bottom]) : null;
}

export class Drawing {
  #shapes = [];
  #begun = null; // corners of a polygon that is not ended, or where a box began
  #held = null; // {shape, corner, from, before, pointer}: what moves; corner -1 is the whole shape
  #spot = null; // where the pointer is, for the line to it

  constructor(frame, { kind = "box", most = 1, noun = "Area", label = "Areas", changed = () => {} } = {}) {
    Object.assign(this, { frame, kind, most, noun, changed });
    this.svg = document.createElementNS(SVG, "svg");
    for (const [name, value] of [["viewBox", "0 0 100 100"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) this.svg.setAttribute(name, value);
    this.layer = make("div", { class: "draw", role: "group", "aria-label": label, "data-kind": kind });
    this.said = make("span", { class: "said", role: "status" });
    this.layer.append(this.svg, this.said);
    frame.append(this.layer);
    this.layer.addEventListener("pointerdown", (event) => this.#down(event));
    this.layer.addEventListener("pointermove", (event) => this.#move(event));
    this.layer.addEventListener("pointerup", (event) => this.#up(event));
    this.layer.addEventListener("pointercancel", () => this.#giveUp());
    this.layer.addEventListener("dblclick", (event) => { event.preventDefault(); this.#close(); });
    this.layer.addEventListener("keydown", (event) => this.#key(event));
    this.#draw();
  }

  get shapes() { return this.#shapes.map((shape) => shape.map(([x, y]) => [x, y])); }

  set shapes(shapes) {
    this.#shapes = shapes.map((shape) => shape.map(([x, y]) => [within(x), within(y)]));
    this.#begun = this.#held = null;
    this.#draw();
  }

  /** Begin a shape in the middle, and give it the focus; one that is there has it where no more fit. */
  add() {
    if (this.#shapes.length < this.most) {
      const by = 5 * (this.#shapes.length % 4); // no two of them over each other
      this.#shapes.push(boxOf([25 + by, 25 + by], [70 + by, 70 + by]));
      this.#tell(true);
    }
    this.#focus(this.#shapes.length - 1, -1);
  }

  /** Take everything away. */
  clear() {
    this.#shapes = [];
    this.#begun = null;
    this.#tell(true);
  }

  /** Leave the picture as it was. */
  remove() { this.layer.remove(); }

  #tell(over) {
    this.#draw();
    this.changed(this.shapes, over);
  }

  // --- drawing --------------------------------------------------------------------------------------------------------

  #line(points, name, { open = false } = {}) {
    const line = document.createElementNS(SVG, open ? "polyline" : "polygon");
    line.setAttribute("points", points.map(([x, y]) => `${x},${y}`).join(" "));
    line.setAttribute("class", name);
    this.svg.append(line);
  }

  #draw() {
    this.svg.replaceChildren();
    for (const shape of this.#shapes) this.#line(shape, "draw-shape");
    if (this.#begun) {
      const spot = this.#spot || this.#begun.at(-1);
      if (this.kind === "box") this.#line(boxOf(this.#begun[0], spot), "draw-shape new");
      else this.#line([...this.#begun, spot], "draw-shape new", { open: true });
    }
    // Handles are kept where their number is the same: what has the focus, or is held, must not be replaced.
    const wanted = [];
    this.#shapes.forEach((shape, n) => {
      const name = this.most > 1 ? `${this.noun} ${n + 1}` : this.noun;
      wanted.push({ shape: n, corner: -1, at: middle(shape), name: `${name}: ${this.#placeOf(shape)}`, kind: "whole" });
      shape.forEach((at, corner) => wanted.push({ shape: n, corner, at, name: `${name}, corner ${corner + 1}: ${this.#words(at)}`, kind: "corner" }));
      if (this.kind === "polygon" && shape.length < CORNERS) {
        shape.forEach((at, corner) => wanted.push({ shape: n, corner, at: middle([at, shape[(corner + 1) % shape.length]]), name: "", kind: "between" }));
      }
    });
    if (this.#begun && this.kind === "polygon") wanted.push({ shape: -1, corner: 0, at: this.#begun[0], name: "", kind: "first" });
    const handles = [...this.layer.querySelectorAll(".draw-handle")];
    for (const extra of handles.splice(wanted.length)) extra.remove();
    while (handles.length < wanted.length) {
      const handle = make("button", { class: "draw-handle", type: "button" });
      this.layer.append(handle);
      handles.push(handle);
    }
    wanted.forEach(({ shape, corner, at, name, kind }, n) => {
      const handle = handles[n];
      Object.assign(handle.dataset, { shape, corner, kind });
      handle.style.left = `${at[0]}%`;
      handle.style.top = `${at[1]}%`;
      if (name) { handle.setAttribute("aria-label", name); handle.removeAttribute("aria-hidden"); handle.tabIndex = 0; }
      else { handle.removeAttribute("aria-label"); handle.setAttribute("aria-hidden", "true"); handle.tabIndex = -1; }
    });
  }

  #words([x, y]) { return `${x} % from the left, ${y} % from the top`; }

  #placeOf(shape) {
    const [xs, ys] = [0, 1].map((axis) => shape.map((corner) => corner[axis]));
    return `${Math.min(...xs)} to ${Math.max(...xs)} % from the left, ${Math.min(...ys)} to ${Math.max(...ys)} % from the top`;
  }

  #focus(shape, corner) {
    const kind = corner < 0 ? "whole" : "corner";
    this.layer.querySelector(`[data-kind="${kind}"][data-shape="${shape}"][data-corner="${corner}"]`)?.focus({ preventScroll: true });
  }

  // --- mouse and finger ------------------------------------------------------------------------------------------------------

  #at(event) {
    const box = this.layer.getBoundingClientRect();
    return [within(((event.clientX - box.left) / box.width) * 100), within(((event.clientY - box.top) / box.height) * 100)];
  }

  #down(event) {
    if (event.button || this.#held) return;
    const at = this.#at(event), handle = event.target.closest(".draw-handle");
    this.layer.setPointerCapture(event.pointerId);
    if (handle && handle.dataset.kind === "first") { this.#close(); return; }
    if (handle) {
      let shape = Number(handle.dataset.shape), corner = Number(handle.dataset.corner);
      if (handle.dataset.kind === "between") corner = this.#insert(shape, corner);
      this.#held = { shape, corner, from: at, before: this.shapes[shape] };
      this.#focus(shape, corner);
      event.preventDefault();
      return;
    }
    if (this.kind === "polygon") this.#corner(event, at);
    else if (this.#shapes.length < this.most || this.most === 1) this.#begun = [at];
    this.#spot = at;
    event.preventDefault();
  }

  #corner(event, at) {
    if (!this.#begun) {
      if (this.#shapes.length >= this.most) return;
      this.#begun = [at];
    } else if (this.#begun.length > 2 && this.#near(event, this.#begun[0])) {
      this.#close();
      return;
    } else if (this.#begun.length < CORNERS) {
      this.#begun.push(at);
    }
    this.#draw();
  }

  #near(event, [x, y]) {
    const box = this.layer.getBoundingClientRect();
    return Math.hypot(event.clientX - box.left - (x / 100) * box.width, event.clientY - box.top - (y / 100) * box.height) < CLOSE;
  }

  #move(event) {
    const at = this.#at(event);
    this.#spot = at;
    if (this.#held) {
      const { shape, corner, from, before } = this.#held;
      this.#shift(shape, corner, at[0] - from[0], at[1] - from[1], before);
      this.#tell(false);
    } else if (this.#begun) {
      this.#draw();
    }
  }

  #up(event) {
    if (this.#held) {
      this.#held = null;
      this.#tell(true);
      return;
    }
    if (this.kind !== "box" || !this.#begun) return;
    const [from] = this.#begun, to = this.#at(event);
    this.#begun = this.#spot = null;
    if (Math.abs(to[0] - from[0]) >= LEAST && Math.abs(to[1] - from[1]) >= LEAST) {
      if (this.most === 1) this.#shapes = [];
      this.#shapes.push(boxOf(from, to));
      this.#tell(true);
      this.#focus(this.#shapes.length - 1, -1);
    } else {
      this.#draw();
    }
  }

  #giveUp() {
    if (this.#held) { this.#shapes[this.#held.shape] = this.#held.before; this.#held = null; this.#tell(true); }
    this.#begun = this.#spot = null;
    this.#draw();
  }

  /** End a polygon that is begun. */
  #close() {
    const corners = (this.#begun || []).filter((at, n, all) => !n || Math.hypot(at[0] - all[n - 1][0], at[1] - all[n - 1][1]) > 0.5);
    this.#begun = this.#spot = null;
    if (corners.length > 2) {
      this.#shapes.push(corners);
      this.#tell(true);
      this.#focus(this.#shapes.length - 1, -1);
    } else {
      this.#draw();
    }
  }

  // --- changing ---------------------------------------------------------------------------------------------------------------

  #shift(n, corner, dx, dy, before) {
    if (corner < 0) {
      const [xs, ys] = [0, 1].map((axis) => before.map((one) => one[axis]));
      const x = Math.min(100 - Math.max(...xs), Math.max(-Math.min(...xs), dx)), y = Math.min(100 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
      this.#shapes[n] = before.map((one) => [within(one[0] + x), within(one[1] + y)]);
      return;
    }
    const to = [within(before[corner][0] + dx), within(before[corner][1] + dy)];
    if (this.kind === "polygon") {
      this.#shapes[n] = before.map((one, m) => (m === corner ? to : one));
      return;
    }
    // The opposite corner stays, and a box stays one: it neither turns over nor vanishes.
    const [x, y] = before[(corner + 2) % 4], left = corner === 0 || corner === 3, top = corner < 2;
    const at = [left ? Math.min(to[0], within(x - LEAST)) : Math.max(to[0], within(x + LEAST)), top ? Math.min(to[1], within(y - LEAST)) : Math.max(to[1], within(y + LEAST))];
    this.#shapes[n] = boxOf(at, [x, y]);
  }

  /** Make a corner between one and the next; returns its number. */
  #insert(n, corner) {
    const shape = this.#shapes[n];
    const at = middle([shape[corner], shape[(corner + 1) % shape.length]]).map(within);
    shape.splice(corner + 1, 0, at);
    this.#draw();
    return corner + 1;
  }

  #key(event) {
    if (event.key === "Escape" && (this.#begun || this.#held)) { event.preventDefault(); event.stopPropagation(); this.#giveUp(); return; }
    if (event.key === "Enter" && this.#begun) { event.preventDefault(); this.#close(); return; }
    const handle = event.target.closest(".draw-handle");
    if (!handle || handle.tabIndex < 0) return;
    const n = Number(handle.dataset.shape), corner = Number(handle.dataset.corner);
    const far = event.shiftKey ? FAR : event.altKey ? FINE : STEP;
    const by = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    if (by) {
      this.#shift(n, corner, ...by, this.shapes[n]);
      this.#tell(true);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      const one = corner >= 0 && this.kind === "polygon" && this.#shapes[n].length > 3;
      if (one) this.#shapes[n].splice(corner, 1);
      else this.#shapes.splice(n, 1);
      this.#tell(true);
      // Pressed again it takes the corner before, not all of the shape.
      if (one) this.#focus(n, Math.max(0, corner - 1));
      else this.#focus(Math.min(n, this.#shapes.length - 1), -1);
    } else if (event.key === "Insert" && this.kind === "polygon" && corner >= 0 && this.#shapes[n].length < CORNERS) {
      const made = this.#insert(n, corner);
      this.#tell(true);
      this.#focus(n, made);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // arrows and Delete mean something else to the page
    const label = document.activeElement?.closest(".draw-handle")?.getAttribute("aria-label");
    this.said.textContent = label || `${this.noun} is gone`;
  }
}
