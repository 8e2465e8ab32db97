/* Things that move: figures that answer to a slider, without a kernel and without a request.

   A page embeds one as an ordinary figure, numbered and captioned, whose picture readers without scripts (or in Jupyter
   Lab) see. The second class names what takes the picture's place; README.md beside this file has a snippet for each:

       :::{figure} ../_static/move_choice_rule.svg
       :name: fig-move-choice-rule
       :figclass: moving choice-rule
       :alt: Four bars …
       The caption.
       :::

   A figure is one function in a file of its own, `move_*.js`, which puts it into `moving` under that name. It gets a stage,
   the tools below, and says how it looks now; every control has it drawn again. It draws SVG in units of screen pixels, so
   that letters keep their size on a phone, and in the colours of course.css, which follow the theme.

   Plain scripts and not modules: Jupyter Book puts every .js file of `_static` into every page as a plain script, in any
   order, and browsers refuse modules to a book that is opened from the disk. So a file only keeps its function, which is
   called when all of them are there, and a page without such a figure does nothing. */
"use strict";

(globalThis.moving ??= {}).start = () => {
  const SVG = "http://www.w3.org/2000/svg";
  let nIds = 0;

  /** An element with attributes; `parent` gets it. */
  function make(parent, tag, attributes = {}, text = "") {
    const element = tag === "svg" || tag === "g" ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(text);
    parent.append(element);
    return element;
  }

  // ---- drawing: each returns SVG as text -------------------------------------------------------------------------

  const shorten = (x) => Math.round(x * 100) / 100; // hundredths of a pixel are enough

  function text(x, y, words, { anchor = "start", colour = "text", halo = true, extra = "" } = {}) {
    return `<text x="${shorten(x)}" y="${shorten(y)}" text-anchor="${anchor}" fill="var(--m-${colour})" ${halo ? 'class="halo"' : ""} ${extra}>${words}</text>`;
  }

  function line(points, colour, { width = 2, extra = "" } = {}) {
    const d = points.map(([x, y]) => `${shorten(x)},${shorten(y)}`).join(" ");
    return `<polyline points="${d}" fill="none" stroke="var(--m-${colour})" stroke-width="${width}" stroke-linejoin="round" ${extra}/>`;
  }

  function dot(x, y, colour, { radius = 4, open = false, extra = "" } = {}) {
    const paint = open ? `fill="var(--m-paper)" stroke="var(--m-${colour})" stroke-width="1.6"` : `fill="var(--m-${colour})"`;
    return `<circle cx="${shorten(x)}" cy="${shorten(y)}" r="${radius}" ${paint} ${extra}/>`;
  }

  const box = (x, y, width, height, colour, extra = "") =>
    `<rect x="${shorten(x)}" y="${shorten(y)}" width="${shorten(width)}" height="${shorten(Math.max(height, 0))}" fill="var(--m-${colour})" ${extra}/>`;

  /** One panel: its lines and labels as SVG, and the ways from data to pixels. `ticks` are numbers or [number, words];
      the label of the vertical axis stands above it, where nobody has to tilt their head. */
  function axes({ left, top, width, height, x, y, xTicks = [], yTicks = [], xLabel = "", yLabel = "" }) {
    const px = (value) => left + ((value - x[0]) / (x[1] - x[0])) * width;
    const py = (value) => top + height - ((value - y[0]) / (y[1] - y[0])) * height;
    const pair = (tick) => (Array.isArray(tick) ? tick : [tick, String(tick)]);
    let svg = "";
    for (const [value, words] of yTicks.map(pair)) {
      svg += line([[left, py(value)], [left + width, py(value)]], "grid", { width: 1 });
      svg += text(left - 7, py(value) + 4, words, { anchor: "end", colour: "muted", halo: false });
    }
    for (const [value, words] of xTicks.map(pair)) {
      svg += line([[px(value), top + height], [px(value), top + height + 4]], "muted", { width: 1 });
      svg += text(px(value), top + height + 18, words, { anchor: "middle", colour: "muted", halo: false });
    }
    svg += line([[left, top + height], [left + width, top + height]], "muted", { width: 1 });
    svg += text(left + width / 2, top + height + 37, xLabel, { anchor: "middle", halo: false });
    svg += text(0, top - 14, yLabel, { halo: false });
    return { svg, px, py, left, top, width, height };
  }

  /** Where a surface crosses a level, as the `d` of a path (marching squares). Entry [row · columns.length + column]. */
  function contour(surface, columns, rows, level, { px, py }) {
    let d = "";
    for (let j = 0; j + 1 < rows.length; j++) {
      for (let i = 0; i + 1 < columns.length; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]].map(([a, b]) => [columns[a], rows[b], surface[b * columns.length + a] - level]);
        const cuts = [];
        corners.forEach(([xa, ya, za], k) => {
          const [xb, yb, zb] = corners[(k + 1) % 4];
          if (za > 0 === zb > 0) return;
          const share = za / (za - zb);
          cuts.push(`${shorten(px(xa + share * (xb - xa)))},${shorten(py(ya + share * (yb - ya)))}`);
        });
        for (let k = 0; k < cuts.length; k += 2) d += `M${cuts[k]}L${cuts[k + 1]}`;
      }
    }
    return d;
  }

  const draw = { text, line, dot, box, axes, contour };

  // ---- a figure's stage ------------------------------------------------------------------------------------------

  function stageOf(figure, picture) {
    const stage = document.createElement("div");
    stage.className = "moving-stage";
    const svg = make(stage, "svg", { role: "img", "aria-label": picture.alt });
    const drawing = make(svg, "g");
    const says = make(stage, "p", { class: "moving-says", "aria-live": "polite" });
    const controls = make(stage, "div", { class: "moving-controls" });
    let look, buttons, asked = 0;

    function redraw() {
      const width = Math.max(stage.clientWidth, 280);
      const now = look(width);
      svg.setAttribute("viewBox", `0 0 ${width} ${now.height}`);
      svg.setAttribute("width", width);
      svg.setAttribute("height", now.height);
      drawing.innerHTML = now.svg;
      if (says.innerHTML !== now.says) says.innerHTML = now.says;
      figure.shown = now.shown; // the numbers behind the picture, for tests and for whoever opens the console
    }
    // However often a pointer moves, the picture is drawn once per frame of the screen.
    const change = () => (asked ||= requestAnimationFrame(() => ((asked = 0), redraw())));
    // Arrow keys turn the book's pages unless somebody takes them.
    stage.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());

    return {
      draw, make, svg, drawing, controls, change,
      element: stage,
      still: matchMedia("(prefers-reduced-motion: reduce)").matches,

      /** A labelled slider with its live value. `colour` is that of the thing it moves. */
      slider({ label, min, max, step, value, colour = "blue", format = (v) => v.toFixed(2), onChange = () => {}, size = "" }) {
        const id = `moving-${++nIds}`;
        const row = make(controls, "div", { class: `moving-slider ${size}`, style: `--m-own: var(--m-${colour})` });
        make(row, "label", { for: id }, label);
        const output = make(row, "output", { for: id });
        const input = make(row, "input", { id, type: "range", min, max, step, value });
        const show = () => {
          output.textContent = format(Number(input.value));
          input.setAttribute("aria-valuetext", output.textContent);
          row.style.setProperty("--m-filled", `${(100 * (input.value - min)) / (max - min)}%`);
        };
        show();
        input.addEventListener("input", () => (show(), onChange(Number(input.value)), change()));
        return {
          input,
          get value() { return Number(input.value); },
          set value(to) { input.value = to; show(); change(); },
        };
      },

      button(label, onPress) {
        buttons ??= make(controls, "div", { class: "moving-buttons" });
        const button = make(buttons, "button", { type: "button", class: "moving-button" }, label);
        button.addEventListener("click", () => (onPress(), change()));
        return button;
      },

      /** Say how the figure looks at a width: { svg, height, says, shown }. Called once, last. */
      looks(how) {
        look = how;
        redraw();
        new ResizeObserver(() => Math.max(stage.clientWidth, 280) !== Number(svg.getAttribute("width")) && change()).observe(stage);
        new MutationObserver(change).observe(document.documentElement, { attributeFilter: ["data-theme"] }); // for what CSS cannot recolour
      },
    };
  }

  for (const figure of document.querySelectorAll("figure.moving")) {
    const build = moving[[...figure.classList].find((name) => name !== "start" && moving[name])];
    const picture = figure.querySelector("img");
    if (!build || !picture || figure.shown) continue;
    const stage = stageOf(figure, picture);
    const place = picture.closest("a") ?? picture; // Sphinx may link a picture to itself
    place.before(stage.element);
    try {
      build(stage, globalThis.rwlib);
      place.hidden = true;
    } catch (error) { // the picture stays
      stage.element.remove();
      console.error(error);
    }
  }
};

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => moving.start());
else moving.start();
