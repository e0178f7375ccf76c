// Comfort only: without JavaScript everything can be read, and the calls filtered by status.
"use strict";
(() => {
  const search = document.getElementById("search");
  const calls = [...document.querySelectorAll(".call")].map((element) => [element, element.textContent.toLowerCase()]);
  search.hidden = false;
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const [element, text] of calls) element.classList.toggle("unwanted", !text.includes(wanted));
  });

  const drawing = document.querySelector(".canvas svg");
  const natural = drawing.width.baseVal.value;
  const zoom = document.querySelector(".zoom");
  zoom.hidden = false;
  zoom.addEventListener("click", (event) => {
    const factor = Number(event.target.dataset.zoom);
    if (Number.isNaN(factor)) return;
    const room = drawing.parentElement.clientWidth;
    const width = factor ? drawing.getBoundingClientRect().width * factor : Math.min(natural, room);
    drawing.style.width = `${Math.min(Math.max(width, 200), natural * 3)}px`;
    drawing.style.height = "auto";
  });

  const edges = [...drawing.querySelectorAll(".edge")];
  const light = (index) => {
    for (const edge of edges) {
      edge.classList.toggle("lit", edge.dataset.from === index || edge.dataset.to === index);
    }
  };
  for (const node of drawing.querySelectorAll(".node")) {
    for (const event of ["mouseenter", "focus"]) node.addEventListener(event, () => light(node.dataset.index));
    for (const event of ["mouseleave", "blur"]) node.addEventListener(event, () => light(null));
  }
})();
