// The part of the picture that is judged, drawn on the camera's newest picture; the field with its numbers stays.

import { make } from "../app.js";
import { Drawing, fromBox, toBox } from "../draw.js";

const box = document.getElementById("region-draw");
const field = document.getElementById("f-watch.region");

function begin() {
  const picture = make("img", { src: `/api/v1/cameras/${encodeURIComponent(box.dataset.camera)}/still.jpg?width=960`, alt: "", loading: "lazy" });
  const frame = make("div", { class: "region-frame" }, picture);
  const draw = make("button", { class: "button", type: "button" }, "Draw it");
  const all = make("button", { class: "button plain", type: "button" }, "Whole picture");
  const hint = make("p", { class: "quiet small" }, "Drag over the picture; corners and the middle are dragged, or moved with the arrow keys.");
  box.append(make("h3", {}, "Part of the picture that is judged"), frame, make("div", { class: "row" }, draw, all, hint));
  const drawing = new Drawing(frame, { kind: "box", noun: "Judged part", label: "Part of the picture that is judged", changed: ([shape], over) => write(shape, over) });

  function write(shape, over) {
    field.value = shape ? fromBox(shape) : "";
    draw.textContent = shape ? "Move it" : "Draw it";
    if (over) field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function read() {
    const shape = toBox(field.value);
    drawing.shapes = shape ? [shape] : [];
    draw.textContent = shape ? "Move it" : "Draw it";
  }

  picture.addEventListener("error", () => {
    frame.replaceChildren(make("p", { class: "quiet" }, "There is no picture of this camera yet to draw on. The four numbers do the same."));
    draw.hidden = all.hidden = hint.hidden = true;
  });
  draw.addEventListener("click", () => drawing.add());
  all.addEventListener("click", () => drawing.clear());
  field.addEventListener("change", read);
  read();
  box.hidden = false;
}

if (box && field && !field.disabled) begin();
