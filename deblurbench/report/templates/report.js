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

// A heading explains itself while the mouse is over it or it has the focus, and when it is touched; Escape ends that.
const tip = document.getElementById("tip");
let explained = null;
function explain(button) {
  const hint = document.getElementById(button.getAttribute("aria-describedby")).textContent;
  if (!hint) return;
  explained = button;
  tip.textContent = hint;
  tip.hidden = false;
  const [box, own] = [button.getBoundingClientRect(), tip.getBoundingClientRect()];
  const left = Math.min(Math.max(box.left, 8), document.documentElement.clientWidth - own.width - 8);
  tip.style.left = `${Math.max(left, 8)}px`;
  tip.style.top = `${box.top > own.height ? box.top - own.height : box.bottom}px`;
}
const stopExplaining = () => { tip.hidden = true; };
for (const button of document.querySelectorAll("th button")) {
  for (const begin of ["mouseenter", "focus", "click"]) button.addEventListener(begin, () => explain(button));
  button.addEventListener("mouseleave", (event) => { if (event.relatedTarget !== tip) stopExplaining(); });
  button.addEventListener("blur", stopExplaining);
}
tip.addEventListener("mouseleave", stopExplaining); // whoever reads with the mouse may go there
addEventListener("keydown", (event) => { if (event.key === "Escape") stopExplaining(); });
// A heading that is pointed at or gets the focus may scroll into view: its explanation goes with it.
addEventListener("scroll", () => {
  if (tip.hidden) return;
  if (explained.matches(":focus, :hover")) explain(explained);
  else stopExplaining();
}, true);

// What is wider than the page says that it scrolls, with a shade where it goes on.
const shade = (wide) => wide.classList.toggle("goes-on", wide.scrollLeft + wide.clientWidth < wide.scrollWidth - 1);
const measured = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const wide = target.closest(".wide");
    wide.classList.toggle("scrolls", wide.scrollWidth > wide.clientWidth + 1);
    shade(wide);
  }
});
for (const wide of document.querySelectorAll(".wide")) {
  for (const each of [wide, ...wide.children]) measured.observe(each);
  wide.addEventListener("scroll", () => shade(wide));
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
