"use strict";

// Bring one loss's curves forward in a section: while it is pointed at or focused, or until its button is pressed again.
function listen(section) {
  const buttons = [...section.querySelectorAll(".legend button")];
  const curves = [...section.querySelectorAll(".curve")];
  let pinned = null;

  function highlight(loss) {
    section.classList.toggle("highlighting", Boolean(loss));
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

for (const legend of document.querySelectorAll(".legend")) listen(legend.closest("section"));

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
