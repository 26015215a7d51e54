"use strict";
// Small manners of every page: filters that submit themselves, copy buttons, the scrolling navigation, menus.
(() => {
  const FOCUS = "observatory-focus";

  const submit = (form, from) => {
    // The page comes back with the filter still in hand, so that a keyboard can go on from there.
    try { sessionStorage.setItem(FOCUS, from.id); } catch { /* then focus starts at the top */ }
    form.requestSubmit();
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (form) submit(form, event.target);
  });
  // After "back" the filters are those of the address, not what was chosen last.
  addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-autosubmit]")) form.reset(); });
  // Empty choices stay out of the address.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form[data-autosubmit]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      const text = document.getElementById(button.dataset.copy).textContent.trim();
      const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
      const before = button.textContent;
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      if (!done) getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      setTimeout(() => { button.textContent = before; }, 2000);
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  const prepare = (root) => {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  };
  document.addEventListener("DOMContentLoaded", () => {
    prepare(document);
    const nav = document.querySelector("nav.dashboards"), here = nav?.querySelector("[aria-current]");
    if (here) nav.scrollLeft = here.offsetLeft - nav.offsetLeft - nav.clientWidth / 3;
    let id = null;
    try { id = sessionStorage.getItem(FOCUS); sessionStorage.removeItem(FOCUS); } catch { /* nothing kept */ }
    if (id) document.getElementById(id)?.focus({ preventScroll: true });
  });
  // A part that comes after the page says so when it does not come, instead of waiting for ever: no answer, or another page.
  const giveUp = (elt) => {
    for (const one of elt.matches(".skeleton") ? [elt] : elt.querySelectorAll(".skeleton")) {
      one.className = "placeholder";
      one.textContent = "No answer from the server. Load the page again.";
    }
  };
  document.addEventListener("htmx:sendError", ({ detail: { elt } }) => giveUp(elt));
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.xhr.responseText.startsWith("<section")) return;
    detail.shouldSwap = false;
    giveUp(detail.requestConfig.elt);
  });
  document.addEventListener("observatory:swapped", (event) => prepare(event.detail));
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
})();
