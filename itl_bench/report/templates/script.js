"use strict";
(() => {
  const form = document.getElementById("filters");
  const names = [...form.elements].map((control) => control.name).filter(Boolean);
  const claims = [...document.querySelectorAll("[data-claim]")];
  const items = claims.flatMap((claim) =>
    [...claim.querySelectorAll("[data-case]")].map((element) => ({ element, claim, facets: facetsOf(element, claim) })));
  const nothing = document.getElementById("nothing");
  const nothingText = nothing.textContent;
  let unknown = [];  // what the address asks for and no case has: then no case matches
  const folds = [...document.querySelectorAll("[data-fold]")].reverse();
  document.documentElement.classList.add("scripted");

  function facetsOf(element, claim) {
    const { level, evidence, model, arm, role, verdict = "not-run" } = element.dataset;
    return { level, evidence, model, arm, role, verdict, claim: claim.dataset.claim };
  }

  // The text that a search looks through is gathered on the first search only: most visits need none.
  function textOf(item) {
    if (item.text === undefined) {
      const group = item.element.closest(".reason-group");
      const around = group ? group.querySelector("summary") : item.element;
      const title = item.claim.querySelector("h3");
      item.text = [title, around, item.element].map((part) => part.textContent).join(" ").toLowerCase();
    }
    return item.text;
  }

  function apply() {
    const wanted = names.filter((name) => name !== "search" && form.elements[name].value !== "")
      .map((name) => [name, form.elements[name].value]);
    const words = form.elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const matches = unknown.length === 0 && wanted.every(([name, value]) => item.facets[name] === value)
        && words.every((word) => textOf(item).includes(word));
      item.element.hidden = !matches;
      shown += matches;
    }
    const filtered = unknown.length > 0 || wanted.length > 0 || words.length > 0;
    for (const fold of folds) recount(fold);
    for (const claim of claims) claim.hidden = filtered && !claim.querySelector("[data-case]:not([hidden])");
    const count = (number) => number.toLocaleString("en-US");
    document.getElementById("shown").textContent = `showing ${count(shown)} of ${count(items.length)}`;
    nothing.hidden = shown > 0;
    nothing.textContent = unknown.length === 0 ? nothingText : `No case matches: the address asks for ${unknown.join(", ")}.`;
  }

  function recount(fold) {
    const left = fold.querySelectorAll("[data-case]:not([hidden])").length;
    fold.hidden = left === 0;
    fold.querySelector("[data-count]").textContent = left.toLocaleString("en-US");
  }

  function remember() {
    const state = new URLSearchParams();
    for (const name of names) if (form.elements[name].value) state.set(name, form.elements[name].value);
    const address = location.href.split("#")[0];
    history.replaceState(null, "", state.size ? `${address}#${state}` : address);
  }

  // The address after "#" is either a filter ("verdict=REFUTED") or the anchor of a case, a claim or a section.
  function followAddress() {
    const address = location.hash.slice(1);
    if (address.includes("=")) {
      const state = new URLSearchParams(address);
      clear();
      unknown = [...state].filter(([name, value]) => !accept(name, value)).map((pair) => pair.join(" = "));
      apply();
      document.getElementById("cases").scrollIntoView();
    } else if (address) {
      reveal(document.getElementById(address));
    }
  }

  // A drop-down takes only its own options. What has no drop-down can be the value of all cases, or of none.
  function accept(name, value) {
    if (!names.includes(name)) return items.some((item) => item.facets[name] === value);
    form.elements[name].value = value;
    return name === "search" || form.elements[name].value === value;
  }

  function reveal(target) {
    if (!target) return;
    if (target.closest("[hidden]")) {
      clear();
      apply();
    }
    if (target.matches("details")) target.open = true;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  }

  function clear() {
    unknown = [];
    for (const name of names) form.elements[name].value = "";
  }

  let pending = 0;
  form.addEventListener("input", () => {
    clearTimeout(pending);
    unknown = [];
    pending = setTimeout(() => { apply(); remember(); }, 60);
  });
  form.addEventListener("reset", (event) => { event.preventDefault(); clear(); apply(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("unfold").addEventListener("click", () => {
    for (const item of items) if (!item.element.hidden && item.element.matches("details")) item.element.open = true;
  });

  // Choosing the same link again changes no address, so it fires no "hashchange".
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) followAddress();
  });
  window.addEventListener("hashchange", followAddress);

  // On paper every case with a verdict is open; the lists of what was not run keep to their counts.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open]):not(.reason-group)")];
    for (const fold of opened) fold.open = true;
  });
  window.addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

  // Says so where a table is wider than its place, also when that shows only after a case is opened.
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) target.classList.toggle("wide", target.scrollWidth > target.clientWidth);
  });
  for (const table of document.querySelectorAll(".scroll")) watch.observe(table);

  followAddress();
})();
