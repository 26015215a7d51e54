"use strict";
// Keeps a page fresh: asks the verdict strip's address every 5 s with the version it shows. 304: nothing moved. 200: the new
// strip; when its version differs, the page is fetched again and only those parts are exchanged whose text changed. What
// holds the focus or a selection is left alone; scroll never moves; a hidden tab asks nothing.
(() => {
  const EVERY = 5000, served = new Map();
  let asking = false, failures = 0;
  const remember = (root) => { for (const part of root.querySelectorAll("[data-live][id]")) served.set(part.id, part.outerHTML); };
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");
  const busy = (part) => {
    const chosen = getSelection();
    const selecting = chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode);
    return selecting || (part.contains(document.activeElement) && document.activeElement !== part);
  };

  const swap = (old, fresh) => {
    const part = document.importNode(fresh, true);
    const open = [...old.querySelectorAll("details")].map((one) => one.open);
    [...part.querySelectorAll("details")].forEach((one, i) => { if (i in open) one.open = open[i]; });
    // The drawn plot moves over: drawing new numbers into it does not flicker.
    const drawn = old.querySelector(".js-plotly-plot"), place = part.querySelector("[data-figure]");
    if (drawn && place && drawn.dataset.figure === place.dataset.figure) {
      drawn.setAttribute("aria-label", place.getAttribute("aria-label"));
      drawn.dataset.size = place.dataset.size;
      place.replaceWith(drawn);
    }
    const left = old.scrollLeft;
    served.set(part.id, fresh.outerHTML);
    old.replaceWith(part);
    part.scrollLeft = left;
    window.htmx?.process(part);
    document.dispatchEvent(new CustomEvent("observatory:swapped", { detail: part }));
  };

  const refresh = async () => {
    const response = await fetch(location.href, { headers: { "X-Requested-With": "live" } });
    if (!response.ok || response.redirected) return false;
    const fresh = parse(await response.text());
    const ids = (root) => [...root.querySelectorAll("#content [data-live][id]")].map((part) => part.id).join();
    if (ids(fresh) !== ids(document)) return renew(fresh);
    let all = true;
    for (const part of fresh.querySelectorAll("[data-live][id]")) {
      const old = document.getElementById(part.id);
      if (!old || served.get(part.id) === part.outerHTML) continue;
      if (busy(old)) all = false; else swap(old, part);
    }
    return all;
  };
  // Parts came or went (the first data, a new incident): the whole content, once nobody is working in it.
  const renew = (fresh) => {
    const content = document.getElementById("content"), next = fresh.getElementById("content");
    if (busy(content) || !next) return false;
    content.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)));
    served.clear();
    remember(document);
    window.htmx?.process(content);
    document.dispatchEvent(new CustomEvent("observatory:swapped", { detail: content }));
    return true;
  };

  const head = (strip) => {
    const alarm = ["warning", "critical"].includes(strip.dataset.state), icon = document.getElementById("favicon");
    icon.href = alarm ? icon.dataset.alarm : icon.dataset.normal;
    document.title = (alarm ? `(${strip.dataset.incidents}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  };
  const stale = (strip, text) => { const place = strip.querySelector(".stale"); if (place && place.textContent !== text) place.textContent = text; };

  const ask = async () => {
    const strip = document.getElementById("strip");
    if (asking || document.hidden || !strip?.dataset.poll) return;
    asking = true;
    try {
      const response = await fetch(strip.dataset.poll, { headers: { "If-None-Match": `"${strip.dataset.version}"` }, cache: "no-store" });
      if (response.redirected) return stale(strip, "signed out: load the page again");
      if (response.status !== 304 && !response.ok) throw new Error(String(response.status));
      failures = 0;
      stale(strip, "");
      if (response.status === 304) return;
      const fresh = parse(await response.text()).getElementById("strip");
      if (!fresh || busy(strip)) return;
      const moved = fresh.dataset.version !== strip.dataset.version;
      if (moved && !(await refresh())) fresh.dataset.version = strip.dataset.version; // asked again next time
      document.getElementById("strip")?.replaceWith(fresh);
      head(fresh);
    } catch {
      if (++failures >= 3) stale(strip, "not updating: no answer from the server");
    } finally {
      asking = false;
    }
  };

  const since = (seconds) => {
    if (seconds <= 5) return "just now";
    for (const [size, name, from] of [[86400, "d", 2], [3600, "h", 2], [60, "min", 1]]) if (seconds >= size * from) return `${Math.floor(seconds / size)}\u00a0${name} ago`;
    return `${Math.floor(seconds)}\u00a0s ago`;
  };
  const age = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) time.textContent = since((Date.now() - Date.parse(time.dateTime)) / 1000);
  };

  remember(document);
  setInterval(ask, EVERY);
  setInterval(age, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { age(); ask(); } });
})();
