"use strict";
// Finds as one types, keeps the page as the fleet is, and moves by keys. All that it shows came from the server as a page; text is set as text.
(function () {
  const form = document.getElementById("find"), search = form && form.elements.q;
  let number = 0, waiting = 0, last = 0;

  function address() {
    if (!form) return location.pathname + location.search;
    const wanted = new URLSearchParams(), usual = { q: "", state: "", sort: "state" };
    new FormData(form).forEach((value, name) => { if (value !== usual[name]) wanted.set(name, value); });
    const page = new URLSearchParams(location.search).get("page");
    if (page && last === 0) wanted.set("page", page);
    return "/" + (wanted.size ? "?" + wanted : "");
  }
  function busy(part) {
    const fields = Array.from(part.querySelectorAll("input:not([type=hidden])"));
    return fields.some(field => field === document.activeElement || field.value !== field.defaultValue);
  }
  function replace(part, fresh) {
    if (!fresh || part.innerHTML === fresh.innerHTML || busy(part)) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const now = document.adoptNode(fresh);
    part.replaceWith(now);
    if (focused) Array.from(now.querySelectorAll("a")).filter(a => a.getAttribute("href") === focused).slice(0, 1).forEach(a => a.focus());
  }
  async function refresh() {
    const mine = ++number;
    let text;
    try {
      const answer = await fetch(address(), { credentials: "same-origin" });
      if (answer.redirected) { location.reload(); return; }
      if (!answer.ok) return;
      text = await answer.text();
    } catch (error) { return; }
    if (mine !== number) return;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    document.querySelectorAll("[data-live]").forEach(part => replace(part, fresh.getElementById(part.id)));
    ages();
  }
  function soon(wait) { clearTimeout(waiting); waiting = setTimeout(refresh, wait); }

  function ago(seconds) {
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
      if (Math.abs(seconds) >= size) {
        const count = Math.floor(Math.abs(seconds) / size).toLocaleString("en") + " " + unit;
        return seconds > 0 ? count : "in " + count;
      }
    }
    return "now";
  }
  function ages() {
    document.querySelectorAll("time[datetime]").forEach(function (time) {
      const said = ago((Date.now() - Date.parse(time.getAttribute("datetime"))) / 1000);
      if (time.textContent !== said) time.textContent = said;
    });
  }

  function narrow() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), state = form.elements.state.value;
    document.querySelectorAll(".fleet tbody tr").forEach(function (row) {
      const text = row.dataset.text, fits = words.every(word => text.includes(word)) && (!state || row.dataset.state === state);
      if (row.hidden === fits) row.hidden = !fits;
    });
  }
  function changed() { last = 1; history.replaceState(null, "", address()); narrow(); soon(120); }
  if (form) {
    form.addEventListener("input", changed);
    form.addEventListener("submit", function (event) { event.preventDefault(); changed(); });
  }

  function step(by) {
    const links = Array.from(document.querySelectorAll(".fleet tbody tr:not([hidden]) th a"));
    if (!links.length) return false;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
    if (next < 0 && search) search.focus(); else if (next < links.length) links[next].focus();
    return true;
  }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !search) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); search.select(); }
    else if (event.key === "Escape" && event.target === search) { search.value = ""; changed(); }
    else if (by && (!typing || (event.target === search && event.key === "ArrowDown")) && step(by)) event.preventDefault();
  });

  if (document.querySelector("[data-live]") && window.EventSource) {
    const events = new EventSource("/events");
    events.addEventListener("fleet", () => soon(200));
    setInterval(ages, 30000);
    ages();
  }
})();
