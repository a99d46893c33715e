// Month to month without loading the frame again; htmx swaps the part below the bar. Without it links are links.

import { keys } from "./app.js";

addEventListener("htmx:beforeSwap", (event) => {
  // Signed out meanwhile: the answer is the sign-in page, which wants the whole window.
  if (new URL(event.detail.xhr.responseURL).pathname === "/sign-in") {
    event.detail.shouldSwap = false;
    location.reload();
  } else if (event.detail.xhr.status === 503) {
    event.detail.shouldSwap = true; // the page that says that the catalog is away
    event.detail.isError = false;
  }
});
addEventListener("htmx:sendError", () => location.reload());

function ready() {
  const choose = document.getElementById("choose");
  choose.querySelector("[data-without-script]").hidden = true;
  document.getElementById("choose-camera").addEventListener("change", () => choose.requestSubmit());
  // Where a month is wider than the window, its newest days are what one came for.
  const today = document.querySelector(".matrix .today");
  const box = today?.closest(".table-box");
  if (box) box.scrollLeft = Math.max(0, today.offsetLeft + 2 * today.offsetWidth - box.clientWidth);
}
addEventListener("htmx:afterSettle", ready);
ready();

const press = (id) => () => {
  const link = document.getElementById(id);
  if (link.href) link.click();
};
keys({ "[": ["Month before", press("month-before")], "]": ["Month after", press("month-after")] });
