// Exports that are being made: the page follows them. Without scripts it is loaded again by hand.

const list = document.getElementById("exports");

async function follow() {
  const answer = await fetch("/api/v1/exports", { headers: { Accept: "application/json" } }).catch(() => null);
  const items = answer?.ok ? (await answer.json()).items : [];
  let waits = !answer?.ok;
  for (const one of items) {
    const card = document.getElementById(`x${one.id}`);
    const bar = card?.querySelector("progress");
    const open = one.state === "pending" || one.state === "working";
    // Its words change, too: the page says them.
    if (card && (card.dataset.state ?? one.state) !== one.state) { location.reload(); return; }
    if (card) card.dataset.state = one.state;
    if (bar && one.bytes) {
      bar.value = Math.min(100, Math.floor((100 * one.written_bytes) / one.bytes));
      bar.nextSibling.textContent = ` ${bar.value} %`;
    }
    waits ||= open;
  }
  if (waits) setTimeout(follow, 1000);
  else location.reload();
}

if (list?.dataset.working === "yes") follow();
