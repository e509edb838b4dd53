"use strict";

// Sorting: a heading's button sorts the rows by the values that the cells carry, the best first, then the other way round.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const other = { ascending: "descending", descending: "ascending" };
    const before = heading.getAttribute("aria-sort");
    const order = before ? other[before] : heading.dataset.first;
    for (const each of table.querySelectorAll("th")) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const value = (row) => row.cells[column].dataset.value.replace("inf", "Infinity");
    const rows = [...table.tBodies[0].rows];
    const isText = heading.classList.contains("text");
    rows.sort((one, two) => {
      const [a, b] = [value(one), value(two)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what has no value comes last
      const difference = isText ? a.localeCompare(b) : Number(a) - Number(b);
      return order === "descending" ? -difference : difference;
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
