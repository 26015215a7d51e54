"use strict";
// "/" searches, "g" and a letter opens a page, "[" and "]" shorten and lengthen the range, "?" lists the keys.
(() => {
  let waiting = 0;
  const typing = (target) => target.closest("input, select, textarea, [contenteditable], dialog[open]");
  const help = () => document.getElementById("keyhelp");

  const search = () => {
    const field = document.querySelector("[data-search]"), url = help()?.dataset.searchUrl;
    if (field) { field.focus(); field.select?.(); } else if (url) location.assign(url + "#search");
  };
  const go = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.click();
  const range = (step) => {
    const select = document.querySelector("select[data-range]");
    const index = select ? select.selectedIndex + step : -1;
    if (!select || index < 0 || index >= select.options.length) return;
    select.selectedIndex = index;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const second = Date.now() < waiting;
    waiting = 0;
    if (second && /^[a-z]$/.test(event.key)) { event.preventDefault(); go(event.key); return; }
    if (event.key === "g") { waiting = Date.now() + 1500; return; }
    const action = { "/": search, "[": () => range(-1), "]": () => range(1), "?": () => help()?.showModal() }[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  if (location.hash === "#search") document.addEventListener("DOMContentLoaded", search);
})();
