"use strict";
// Filters the operations. Text is only ever read and set as text.
(function () {
  const form = document.getElementById("filters");
  if (!form) return;
  const shown = document.getElementById("shown"), none = document.getElementById("none"), list = document.getElementById("list");
  const items = Array.from(list.querySelectorAll(".op")), texts = new Map();
  const field = id => document.getElementById(id), choices = ["action", "kind", "workspace"];
  const all = items.length.toLocaleString("en");
  let waiting = 0;
  form.hidden = false;

  function text(item) {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  }
  function apply() {
    const words = field("text").value.toLowerCase().split(/\s+/).filter(Boolean), risky = field("risky").checked;
    const wanted = choices.map(name => [name, field(name).value]).filter(pair => pair[1] !== "");
    let count = 0;
    items.forEach(function (item) {
      const fits = wanted.every(pair => item.dataset[pair[0]] === pair[1])
        && (!risky || item.dataset.risk === "destructive") && words.every(word => text(item).includes(word));
      if (item.hidden === fits) item.hidden = !fits;
      if (fits) count += 1;
    });
    shown.textContent = count === items.length ? all : count.toLocaleString("en") + " of " + all;
    none.hidden = count !== 0;
  }
  function soon() { clearTimeout(waiting); waiting = setTimeout(apply, items.length > 2000 ? 150 : 0); }
  form.addEventListener("input", soon);
  form.addEventListener("reset", soon);
  form.addEventListener("submit", event => event.preventDefault());
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { event.preventDefault(); field("text").focus(); }
  });
  window.addEventListener("hashchange", function () {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.hidden) { form.reset(); apply(); target.scrollIntoView(); }
  });
})();
