// Parts of the picture that motion leaves out, and those that it alone looks at, drawn as polygons on the newest picture.
// The fields with their corners stay, and say the same.

import { make } from "../app.js";
import { Drawing } from "../draw.js";

const MOST = 16; // chosen: more than anybody draws by hand; the settings take 32
const KINDS = [
  { key: "motion.masks", noun: "Mask", title: "What is left out", button: "Add a mask" },
  { key: "motion.zones", noun: "Zone", title: "What alone is looked at", button: "Add a zone" },
];

const box = document.getElementById("masks-draw");

/** Polygons as settings have them; corners that are none are left out, the server says what is wrong with them. */
const fromText = (text) =>
  text
    .split(";")
    .map((part) => part.trim().split(/\s+/).map((corner) => corner.split(",").map(Number)))
    .filter((shape) => shape.length > 2 && shape.every((corner) => corner.length === 2 && corner.every((one) => one >= 0 && one <= 100)));

const toText = (shapes) => shapes.map((shape) => shape.map((corner) => corner.join(",")).join(" ")).join("; ");

function begin({ key, noun, title, button }) {
  const field = document.getElementById(`f-${key}`);
  if (!field || field.disabled) return;
  const picture = make("img", { src: `/api/v1/cameras/${encodeURIComponent(box.dataset.camera)}/still.jpg?width=960`, alt: "", loading: "lazy" });
  const frame = make("div", { class: "region-frame", "data-of": key }, picture);
  const add = make("button", { class: "button", type: "button" }, button);
  const clear = make("button", { class: "button plain", type: "button", "aria-label": `${title}: nothing` }, "Nothing");
  const hint = make("p", { class: "quiet small" }, "Click corner after corner, the first one again to end. Drag corners, or move them with the arrow keys; Delete takes one away.");
  box.append(make("h3", {}, title), frame, make("div", { class: "row" }, add, clear, hint));
  const drawing = new Drawing(frame, { kind: "polygon", most: MOST, noun, label: title, changed: (shapes, over) => {
    field.value = toText(shapes);
    if (over) field.dispatchEvent(new Event("input", { bubbles: true }));
  } });
  const read = () => (drawing.shapes = fromText(field.value));
  picture.addEventListener("error", () => {
    frame.replaceChildren(make("p", { class: "quiet" }, "There is no picture of this camera yet to draw on. The field above does the same."));
    add.hidden = clear.hidden = hint.hidden = true;
  });
  add.addEventListener("click", () => drawing.add());
  clear.addEventListener("click", () => drawing.clear());
  field.addEventListener("change", read);
  read();
  box.hidden = false;
}

if (box) KINDS.forEach(begin);
