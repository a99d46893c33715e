// A link from another site arrives without the session's cookie. Our own page may ask with it, and go on if it counts.

const form = document.getElementById("sign-in");
fetch("/api/v1/session", { headers: { Accept: "application/json" } }).then((answer) => {
  if (answer.ok) location.replace(form.elements.next.value);
}, () => {});
form.addEventListener("submit", () => form.querySelector("button.main").setAttribute("aria-busy", "true"));
addEventListener("pageshow", () => form.querySelector("button.main").removeAttribute("aria-busy"));
