"use strict";
// The reader's key in the examples. It stays in this page's memory: nothing is stored and nothing is sent.
(() => {
  const NAME = "$OBSERVATORY_KEY", KEY = /^obs_[A-Za-z0-9]+_[A-Za-z0-9]+_[A-Za-z0-9]+_[A-Za-z0-9]+$/;
  document.addEventListener("DOMContentLoaded", () => {
    const field = document.getElementById("own-key");
    const samples = [...document.querySelectorAll("[data-sample]")].map((code) => ({ code, text: code.textContent }));
    document.querySelector("[data-key-box]").hidden = false;
    const show = () => {
      const key = field.value.trim(), isKey = KEY.test(key);
      field.setAttribute("aria-invalid", String(key !== "" && !isKey));
      for (const { code, text } of samples) code.textContent = isKey ? text.replaceAll(NAME, key) : text;
    };
    field.addEventListener("input", show);
    // After "back" the browser may have kept what was typed.
    addEventListener("pageshow", () => { field.value = ""; show(); });
  });
})();
