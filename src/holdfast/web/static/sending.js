// Testing a target in its place of the list: how long it has taken so far, and what came of it. Without scripts it is a page.

import { make } from "./app.js";

for (const form of document.querySelectorAll("form[data-trial]")) {
  const button = form.querySelector("button"), box = document.getElementById(form.dataset.trial);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    button.setAttribute("aria-disabled", "true");
    const began = performance.now(), seconds = make("span", { "aria-hidden": "true" }, "0 s");
    const ticking = setInterval(() => { seconds.textContent = `${Math.round((performance.now() - began) / 1000)} s`; }, 1000);
    box.replaceChildren(make("p", { class: "waiting" }, make("span", { class: "spinner" }), make("span", {}, "Writing, verifying and removing a small file … "), seconds));
    let found = null;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      found = page.getElementById(box.id)?.firstElementChild || page.getElementById("error");
      found?.removeAttribute("role"); // the box is live itself
    } catch { /* said below */ }
    clearInterval(ticking);
    box.replaceChildren(found || make("p", { class: "wrong" }, "The server did not answer, or you were signed out. Try once more."));
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
  });
}
