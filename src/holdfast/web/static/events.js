// The gallery by keyboard: arrows go from card to card, Home and End to the first and last.

const cards = [...document.querySelectorAll("#events .event")];

function columns() {
  const top = cards[0].getBoundingClientRect().top;
  return cards.filter((card) => card.getBoundingClientRect().top === top).length;
}

addEventListener("keydown", (event) => {
  const here = cards.indexOf(document.activeElement);
  if (here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = {
    ArrowRight: here + 1,
    ArrowLeft: here - 1,
    ArrowDown: here + columns(),
    ArrowUp: here - columns(),
    Home: 0,
    End: cards.length - 1,
  }[event.key];
  if (to === undefined || !cards[to]) return;
  event.preventDefault();
  cards[to].focus();
});
