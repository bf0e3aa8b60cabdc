"use strict";
// Zoom, pan, search and neighbours for each graph of the page. Text is only ever read and set as text.
document.querySelectorAll("[data-graph]").forEach(function (view) {
  const svg = view.querySelector(".graph-pane > svg"), bar = view.querySelector(".graph-bar");
  const pane = view.querySelector(".graph-pane"), told = view.querySelector(".graph-told");
  const input = bar.querySelector("input"), hits = bar.querySelector(".hits");
  const whole = svg.getAttribute("viewBox").split(" ").map(Number);
  let box = whole.slice();
  const nodes = Array.from(svg.querySelectorAll(".node")), edges = Array.from(svg.querySelectorAll(".edge"));
  const texts = new Map(nodes.map(n => [n, n.querySelector("title").textContent]));
  const folded = new Map(nodes.map(n => [n, texts.get(n).toLowerCase()]));
  bar.hidden = false;
  pane.classList.add("live");

  function show() { svg.setAttribute("viewBox", box.map(v => v.toFixed(1)).join(" ")); }
  function zoom(factor, cx, cy) {
    const width = Math.min(Math.max(box[2] * factor, 160), whole[2] * 2), real = width / box[2];
    box = [cx - (cx - box[0]) * real, cy - (cy - box[1]) * real, width, box[3] * real];
    show();
  }
  function at(event) {
    const m = svg.getScreenCTM().inverse();
    return [m.a * event.clientX + m.e, m.d * event.clientY + m.f];
  }
  function fit() { box = whole.slice(); show(); }
  function visit(node) {
    const r = node.getBBox(), width = Math.min(whole[2], 1100), height = width * whole[3] / whole[2];
    box = [r.x + r.width / 2 - width / 2, r.y + r.height / 2 - height / 2, width, height];
    show();
  }
  bar.addEventListener("click", function (event) {
    const how = event.target.getAttribute("data-zoom"), cx = box[0] + box[2] / 2, cy = box[1] + box[3] / 2;
    if (how === "in") zoom(0.7, cx, cy);
    if (how === "out") zoom(1 / 0.7, cx, cy);
    if (how === "fit") { fit(); select(null); }
  });
  svg.addEventListener("wheel", function (event) {
    if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls as always
    event.preventDefault();
    const [x, y] = at(event);
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, x, y);
  }, { passive: false });

  let from = null, moved = false;
  svg.addEventListener("pointerdown", function (event) { if (event.button === 0) { from = at(event); moved = false; } });
  window.addEventListener("pointermove", function (event) {
    if (!from) return;
    const [x, y] = at(event);
    const scale = svg.getBoundingClientRect().width / box[2];
    if (Math.abs(x - from[0]) * scale + Math.abs(y - from[1]) * scale > 4) moved = true;
    if (moved) { box[0] -= x - from[0]; box[1] -= y - from[1]; show(); }
  });
  window.addEventListener("pointerup", function () { from = null; });

  function select(key) {
    const near = new Set([key]), lines = new Set();
    if (key !== null) {
      edges.forEach(function (e) {
        const a = e.getAttribute("data-a"), b = e.getAttribute("data-b");
        if (a === key || b === key) { near.add(a); near.add(b); lines.add(e); }
      });
    }
    nodes.forEach(function (n) {
      const k = n.getAttribute("data-k");
      n.classList.toggle("on", k === key);
      n.classList.toggle("off", key !== null && !near.has(k));
    });
    edges.forEach(function (e) {
      e.classList.toggle("on", lines.has(e));
      e.classList.toggle("off", key !== null && !lines.has(e));
    });
    told.hidden = key === null;
    if (key === null) return;
    const own = nodes.find(n => n.getAttribute("data-k") === key), said = new Set();
    const rows = [texts.get(own), ""];
    nodes.forEach(function (n) {
      const k = n.getAttribute("data-k");
      if (k !== key && near.has(k) && !said.has(k)) { said.add(k); rows.push("↔ " + texts.get(n).split("\n").join(", ")); }
    });
    told.textContent = rows.join("\n");
  }
  svg.addEventListener("click", function (event) {
    if (moved) { moved = false; return; }
    const node = event.target.closest(".node");
    select(node ? node.getAttribute("data-k") : null);
  });

  let found = [], next = 0;
  function search() {
    const wanted = input.value.trim().toLowerCase();
    select(null);
    found = wanted ? nodes.filter(n => folded.get(n).includes(wanted)) : [];
    const hit = new Set(found);
    nodes.forEach(function (n) { n.classList.toggle("found", hit.has(n)); n.classList.toggle("off", wanted !== "" && !hit.has(n)); });
    edges.forEach(e => e.classList.toggle("off", wanted !== ""));
    next = 0;
    hits.textContent = wanted ? found.length + " found" : "";
  }
  input.addEventListener("input", search);
  input.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && found.length) {
      event.preventDefault();
      visit(found[next]);
      select(found[next].getAttribute("data-k"));
      next = (next + 1) % found.length;
    }
    if (event.key === "Escape") { input.value = ""; search(); fit(); }
  });
  window.addEventListener("beforeprint", fit);
});
