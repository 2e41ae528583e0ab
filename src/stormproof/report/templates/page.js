"use strict";
(() => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  if (theme) {
    theme.hidden = false;
    theme.addEventListener("click", () => {
      const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
      root.dataset.theme = isDark ? "light" : "dark";
    });
  }

  const compare = (a, b) => {
    const x = a.dataset.v, y = b.dataset.v;
    if (x === "" || y === "") return (x === "") - (y === "");
    const m = Number(x), n = Number(y);
    return Number.isNaN(m) || Number.isNaN(n) ? x.localeCompare(y) : m - n;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, i) => head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== (head.classList.contains("n") ? "descending" : "ascending");
      const falling = head.classList.contains("n") ? up : !up;
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const x = a.cells[i], y = b.cells[i];
        const order = compare(x, y);
        return falling && x.dataset.v !== "" && y.dataset.v !== "" ? -order : order;
      });
      table.tBodies[0].append(...rows);
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    }));
  }

  const form = document.querySelector("form.filter");
  if (form) {
    const episodes = [...document.querySelectorAll("details.episode")];
    const show = () => {
      const text = form.text.value.toLowerCase();
      let count = 0;
      for (const e of episodes) {
        const fits = ["model", "kind", "prompt"].every(
          (name) => !form[name].value || form[name].value === e.dataset[name]);
        e.hidden = !fits || (text && !e.textContent.toLowerCase().includes(text));
        count += !e.hidden;
      }
      form.querySelector("output").textContent = `${count} of ${episodes.length} shown`;
    };
    form.hidden = false;
    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    show();
  }
})();
