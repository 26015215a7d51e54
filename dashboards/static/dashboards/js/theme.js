"use strict";
// Runs before the first paint, so that a chosen theme never flashes the other one.
(() => {
  const KEY = "observatory-theme", ORDER = ["auto", "light", "dark"], root = document.documentElement;
  const stored = () => {
    try { return ORDER.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto"; } catch { return "auto"; }
  };
  const apply = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
  };
  let theme = stored();
  apply(theme);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]"), name = document.querySelector("[data-theme-name]");
    if (!button) return;
    const show = () => { name.textContent = theme; button.title = "Theme: " + theme; };
    button.hidden = false;
    show();
    button.addEventListener("click", () => {
      theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
      try { localStorage.setItem(KEY, theme); } catch { /* a private window forgets the choice */ }
      apply(theme);
      show();
      document.dispatchEvent(new CustomEvent("observatory:theme"));
    });
  });
})();
