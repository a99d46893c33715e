// Another camera at the same instant, or live: the list beside the camera's name (C119).

import { keys } from "../app.js";

/** Take over the list. Without a player, as before anything was recorded, it leads to live. */
export function choice(camera, player) {
  const list = document.getElementById("choice");
  if (!list) return;
  list.addEventListener("change", () => {
    const at = player && player.mode === "past" && player.wallUs !== null ? `?at=${Math.round(player.wallUs)}` : "";
    location.assign(`/cameras/${encodeURIComponent(list.value)}${at}`);
  });
  // A page that is come back to shows its own camera again.
  addEventListener("pageshow", () => { list.value = camera; });
  keys({ "c": ["Choose another camera", () => list.focus()] });
}
