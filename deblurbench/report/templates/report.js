"use strict";

// Sorting: a heading's button sorts the rows by the values that the cells carry, best first, then the other way round.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const down = heading.getAttribute("aria-sort") !== "descending";
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    const value = (row) => row.cells[column].dataset.value;
    const isText = rows.some((row) => value(row) !== "" && Number.isNaN(Number(value(row).replace("inf", "Infinity"))));
    const key = (row) => (isText ? value(row) : Number(value(row).replace("inf", "Infinity")));
    rows.sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      const order = a < b ? -1 : a > b ? 1 : 0;
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows);
  });
}

// The slider lays one picture over another up to where it stands; two lists choose which.
for (const compare of document.querySelectorAll(".compare")) {
  const range = compare.querySelector("input");
  const move = () => compare.style.setProperty("--at", range.value + "%");
  range.addEventListener("input", move);
  move();
  const [left, right] = [compare.querySelector(".over use"), compare.querySelector(".under use")];
  for (const [list, use] of [[".left", left], [".right", right]]) {
    const select = compare.parentElement.querySelector(list);
    select.addEventListener("change", () => use.setAttribute("href", "#" + select.value));
    use.setAttribute("href", "#" + select.value); // what a reloaded page remembers
  }
}

// Paper cannot be clicked open.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details.pictures")) details.open = true;
});
