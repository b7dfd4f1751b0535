"use strict";

// Open what an address leads to: a chapter, or the one that holds the place.
function reveal() {
  const place = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  for (let part = place?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  if (place) place.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();
for (const link of document.querySelectorAll("a[href^='#']")) {
  // A second click on the same link changes no address.
  link.addEventListener("click", () => { if (link.hash === location.hash) reveal(); });
}

// Print everything, then fold it again.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

// Bring one loss's curves forward in a chapter: while it is pointed at or focused, or until its button is pressed again.
function listen(chapter) {
  const buttons = [...chapter.querySelectorAll(".legend button")];
  const curves = [...chapter.querySelectorAll(".curve, .end")];
  let pinned = null;

  function highlight(loss) {
    chapter.classList.toggle("highlighting", Boolean(loss));
    for (const curve of curves) curve.classList.toggle("forward", curve.dataset.loss === loss);
  }

  for (const button of buttons) {
    const loss = button.dataset.loss;
    button.addEventListener("pointerenter", () => highlight(loss));
    button.addEventListener("pointerleave", () => highlight(pinned));
    button.addEventListener("focus", () => highlight(loss));
    button.addEventListener("blur", () => highlight(pinned));
    button.addEventListener("click", () => {
      pinned = pinned === loss ? null : loss;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other.dataset.loss === pinned));
      highlight(pinned);
    });
  }
  for (const curve of curves) {
    curve.addEventListener("pointerenter", () => highlight(curve.dataset.loss));
    curve.addEventListener("pointerleave", () => highlight(pinned));
  }
}
for (const legend of document.querySelectorAll(".legend")) listen(legend.closest("details"));

// Save a chart as an SVG file that needs no style sheet; its title is its first line.
const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity",
  "font-family", "font-size", "font-weight", "paint-order", "vector-effect"];
const LINE = 24;

function drawing(figure) {
  const shown = figure.querySelector("svg");
  const svg = shown.cloneNode(true);
  const parts = [...shown.querySelectorAll("*")];
  [...svg.querySelectorAll("*")].forEach((part, number) => {
    const style = getComputedStyle(parts[number]);
    for (const name of STYLES) part.style.setProperty(name, style.getPropertyValue(name));
  });
  const { width, height } = shown.viewBox.baseVal;
  const body = getComputedStyle(document.body);
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("viewBox", `-10 ${-LINE - 6} ${width + 20} ${height + LINE + 12}`);
  svg.setAttribute("width", width + 20);
  svg.setAttribute("height", height + LINE + 12);
  svg.style.background = body.backgroundColor;
  svg.style.fontFamily = body.fontFamily;
  const title = document.createElementNS("http://www.w3.org/2000/svg", "text");
  title.setAttribute("y", -LINE / 2);
  title.style.font = `600 13px ${body.fontFamily}`;
  title.style.fill = body.color;
  title.textContent = figure.dataset.savedAs;
  svg.prepend(title);
  return new XMLSerializer().serializeToString(svg);
}

for (const figure of document.querySelectorAll("figure.chart")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = "Save";
  button.ariaLabel = `Save as SVG: ${figure.dataset.savedAs}`;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([drawing(figure)], { type: "image/svg+xml" }));
    link.download = `${figure.dataset.savedAs.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.svg`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  figure.querySelector("figcaption").prepend(button);
}

// Sort a table by a column; cells without a value go last in both directions.
function sortTable(table, column, direction) {
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const sign = direction === "ascending" ? 1 : -1;
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === "");
    return sign * (Number(x) - Number(y) || x.localeCompare(y));
  };
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const current = heading.getAttribute("aria-sort");
      const first = heading.dataset.first ?? "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", current === first ? other : first);
      sortTable(table, column, heading.getAttribute("aria-sort"));
    });
  });
}
