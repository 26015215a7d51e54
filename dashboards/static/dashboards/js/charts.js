"use strict";
// Draws every [data-figure] from its JSON. Colours come as roles ("@series-1") and are resolved here, so one cached figure
// serves both themes. The plotting library is loaded only where there is something to draw.
(() => {
  const source = document.currentScript.dataset.plotly, narrow = matchMedia("(max-width: 40rem)");
  const CONFIG = { displayModeBar: false, responsive: true, showTips: false, typesetMath: false, doubleClick: false };
  let library = null;
  const load = () => library ??= new Promise((resolve, reject) => {
    const script = document.head.appendChild(document.createElement("script"));
    script.src = source;
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
  });

  // Only in colour attributes: a feature may be called "@quiet".
  const resolve = (node, key, style) => {
    if (typeof node === "string") return node.startsWith("@") && /color$/i.test(key) ? style.getPropertyValue("--c-" + node.slice(1)).trim() : node;
    if (Array.isArray(node)) return node.map((one) => resolve(one, key, style));
    if (node && typeof node === "object") return Object.fromEntries(Object.entries(node).map(([name, one]) => [name, resolve(one, name, style)]));
    return node;
  };

  // A phone has no room for words in the plot: edge labels are the keys under the title, marks become their circled numbers.
  const thinAxis = (axis, data) => {
    if (!axis) return;
    axis.tickangle = 0;
    const values = axis.tickvals ?? (axis.type === "category" ? data[0].x : null);
    if (!values) return;
    const every = Math.ceil(values.length / 4), kept = (_, i) => i % every === 0;
    if (axis.ticktext) axis.ticktext = axis.ticktext.filter(kept);
    axis.tickvals = values.filter(kept);
  };
  const thin = ({ data, layout }) => {
    layout.annotations = layout.annotations.filter((label) => label.name !== "edge");
    layout.annotations.filter((label) => label.name?.startsWith("mark")).forEach((label, i) => {
      label.text = i < 20 ? String.fromCharCode(0x2460 + i) : `(${i + 1})`;
      label.font.size = 13;
    });
    layout.margin.r = 12;
    thinAxis(layout.xaxis, data);
  };

  const draw = (box) => {
    const json = document.getElementById(box.dataset.figure);
    if (!json) return;
    const raw = JSON.parse(json.textContent);
    if (narrow.matches) thin(raw);
    const figure = resolve(raw, "", getComputedStyle(box));
    Plotly.react(box, figure.data, figure.layout, CONFIG);
    if (box.dataset.drawn) return;
    box.dataset.drawn = "yes";
    // An incident's label leads to it; the same link stands in the panel's header, where a keyboard finds it.
    box.on("plotly_clickannotation", ({ annotation }) => {
      const href = annotation.name?.slice("mark ".length);
      if (href?.startsWith("/")) location.assign(href);
    });
  };
  const drawIn = async (root) => {
    const boxes = [...root.querySelectorAll("[data-figure]")];
    if (!boxes.length) return;
    await load();
    boxes.forEach(draw);
  };

  const all = () => drawIn(document);
  all();
  document.addEventListener("observatory:swapped", (event) => drawIn(event.detail));
  document.addEventListener("htmx:afterSettle", (event) => drawIn(event.detail.elt.closest("section") ?? event.detail.elt));
  document.addEventListener("observatory:theme", all);
  for (const query of [narrow, matchMedia("(prefers-color-scheme: dark)")]) query.addEventListener("change", all);
})();
