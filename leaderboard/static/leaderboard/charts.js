// Charts: the static image is there at once; when it comes near the viewport and the browser is idle, the same series
// become an interactive figure in its place. On phones and with Save-Data only when asked to. Any failure leaves the image.
//
//   <div class="chart-box" id="profile" data-figure="URL of the JSON" data-plotly="URL of the bundle">
//     <svg class="chart hide-s">…</svg><svg class="chart only-s">…</svg>
//     <button type="button" class="btn sm" data-interactive hidden>Interactive</button>
//   </div>
//   <input type="checkbox" data-chart="profile" data-trace="…">   a line of the legend
//   <span data-count="profile">6 of 11 shown in colour</span>
"use strict";

(() => {
  const NEAR = "300px";
  const TOKEN = /^([a-z][a-z0-9-]*)(?:@(0?\.\d+|1))?$/;
  // Elements of these ids tell the library that its style sheets are here already: design.css holds what they would say,
  // and the content security policy refuses them.
  const STYLES = ["plotly.js-style-global", "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53"];
  const QUIET = { color: "ctx", width: 1.5, opacity: 0.55 };
  const LOUD = { width: 2.4, opacity: 1 };
  const live = new Map(); // box -> {plot, figure}
  let bundle = null;

  // ---- colours: figures name tokens of design.css, so they follow the theme

  function colour(token) {
    const match = TOKEN.exec(token);
    const value = match && getComputedStyle(document.documentElement).getPropertyValue(`--${match[1]}`).trim();
    if (!value) return token;
    return match[2] && /^#[0-9a-f]{6}$/i.test(value) ? withAlpha(value, match[2]) : value;
  }

  function withAlpha(hex, alpha) {
    const part = (start) => parseInt(hex.slice(start, start + 2), 16);
    return `rgba(${part(1)}, ${part(3)}, ${part(5)}, ${alpha})`;
  }

  // A copy of a part of a figure in which every `…color` is a colour.
  function coloured(part, key = "") {
    if (Array.isArray(part)) return part.map((item) => coloured(item, key));
    if (part && typeof part === "object") {
      return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, coloured(value, name)]));
    }
    return typeof part === "string" && key.toLowerCase().endsWith("color") ? colour(part) : part;
  }

  function dressed(figure) {
    const layout = coloured(figure.layout);
    layout.font = { ...layout.font, family: getComputedStyle(document.body).fontFamily };
    return { data: coloured(figure.data), layout };
  }

  // ---- loading

  function holdStyles() {
    for (const id of STYLES) {
      if (document.getElementById(id)) continue;
      const held = document.createElement("template");
      held.id = id;
      held.className = "no-inline-styles";
      document.head.append(held);
    }
  }

  function loadBundle(url) {
    holdStyles();
    bundle ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.addEventListener("load", () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("no Plotly"))));
      script.addEventListener("error", () => {
        bundle = null; // a later chart may try again
        script.remove();
        reject(new Error("the chart library did not load"));
      });
      document.head.append(script);
    });
    return bundle;
  }

  async function loadFigure(url) {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`figure: ${response.status}`);
    return response.json();
  }

  async function start(box) {
    if (box.dataset.state) return;
    box.dataset.state = "loading";
    try {
      const [Plotly, figure] = await Promise.all([loadBundle(box.dataset.plotly), loadFigure(box.dataset.figure)]);
      await draw(Plotly, box, figure);
      box.dataset.state = "live";
    } catch {
      box.querySelector(".plot")?.remove();
      box.classList.remove("is-live");
      box.dataset.state = "static"; // the image, its table and the links are still there
    }
  }

  async function draw(Plotly, box, figure) {
    const image = [...box.querySelectorAll("svg.chart")].find((svg) => svg.getBoundingClientRect().height > 0);
    if (image) figure.layout.height = Math.round(image.getBoundingClientRect().height); // nothing on the page moves
    const plot = document.createElement("div");
    plot.className = "plot";
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", image?.querySelector("desc")?.textContent ?? "");
    box.append(plot);
    box.classList.add("is-live");
    live.set(box, { plot, figure });
    for (const input of inputsOf(box)) setTrace(figure, input);
    const { data, layout } = dressed(figure);
    await Plotly.newPlot(plot, data, layout, figure.config);
    plot.on("plotly_click", (event) => follow(event.points?.[0]));
    box.querySelector("[data-interactive]")?.remove();
  }

  function redraw(box) {
    const { plot, figure } = live.get(box) ?? {};
    if (!plot || !window.Plotly) return;
    const { data, layout } = dressed(figure);
    window.Plotly.react(plot, data, layout, figure.config);
  }

  function follow(point) {
    const url = point?.data?.meta?.url ?? point?.customdata;
    // Only an address of this site: one slash, not two.
    if (typeof url === "string" && /^\/(?!\/)/.test(url)) location.assign(url);
  }

  // ---- legend: our own checkboxes, so that keyboards and screen readers reach every line

  function inputsOf(box) {
    return box.id ? document.querySelectorAll(`input[data-chart="${CSS.escape(box.id)}"][data-trace]`) : [];
  }

  function setTrace(figure, input) {
    for (const trace of figure.data) {
      if (trace.meta?.trace !== input.dataset.trace) continue;
      if (trace.meta.off === "hidden") {
        trace.visible = input.checked;
      } else {
        const look = input.checked ? { ...LOUD, color: trace.meta.on } : QUIET;
        trace.line = { ...trace.line, color: look.color, width: look.width };
        trace.opacity = look.opacity;
      }
    }
    // Lines in colour lie above the others.
    figure.data.sort((a, b) => (a.opacity === QUIET.opacity ? 0 : 1) - (b.opacity === QUIET.opacity ? 0 : 1));
  }

  function setImage(box, input) {
    for (const part of box.querySelectorAll(`svg [data-trace="${CSS.escape(input.dataset.trace)}"]`)) {
      if (part.dataset.off) part.setAttribute("class", input.checked ? part.dataset.on : part.dataset.off);
      else part.toggleAttribute("hidden", !input.checked);
    }
  }

  function onLegend(input) {
    const box = document.getElementById(input.dataset.chart);
    if (!box) return;
    setImage(box, input);
    const shown = live.get(box);
    if (shown) {
      setTrace(shown.figure, input);
      redraw(box);
    }
    const all = [...inputsOf(box)];
    const count = document.querySelector(`[data-count="${CSS.escape(box.id)}"]`);
    if (count) count.textContent = `${all.filter((one) => one.checked).length} of ${all.length} shown in colour`;
    if (input.form && input.name) {
      const query = new URLSearchParams(new FormData(input.form));
      history.replaceState(null, "", `?${query}${location.hash}`); // the address says what is shown
      keepInLinks(input.name, query.getAll(input.name));
    }
  }

  // Links to the same page with another order, unit or axis keep the lines that were chosen meanwhile.
  function keepInLinks(name, values) {
    for (const link of document.querySelectorAll('main a[href^="?"]')) {
      const [query, hash] = link.getAttribute("href").split("#");
      const kept = new URLSearchParams(query);
      kept.delete(name);
      for (const value of values) kept.append(name, value);
      link.setAttribute("href", `?${kept}${hash ? `#${hash}` : ""}`);
    }
  }

  // ---- when to start

  function waitsForButton() {
    return matchMedia("(max-width: 720px)").matches || navigator.connection?.saveData === true;
  }

  function whenIdle(task) {
    if ("requestIdleCallback" in window) requestIdleCallback(task, { timeout: 2000 });
    else setTimeout(task, 200);
  }

  function watch(boxes) {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries.filter((one) => one.isIntersecting)) {
          observer.unobserve(entry.target);
          whenIdle(() => start(entry.target));
        }
      },
      { rootMargin: NEAR },
    );
    for (const box of boxes) {
      const button = box.querySelector("[data-interactive]");
      if (waitsForButton()) {
        if (!button) continue;
        button.hidden = false;
        button.addEventListener("click", () => {
          button.disabled = true;
          start(box);
        });
      } else {
        button?.remove();
        observer.observe(box);
      }
    }
  }

  function onTheme() {
    for (const box of live.keys()) {
      if (box.isConnected) redraw(box);
      else live.delete(box);
    }
  }

  function ready() {
    watch(document.querySelectorAll("[data-figure][data-plotly]"));
    document.addEventListener("change", (event) => {
      if (event.target.matches?.("input[data-chart][data-trace]")) onLegend(event.target);
    });
    new MutationObserver(onTheme).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onTheme);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
