/* The pictures of the page "Play", as SVG text in units of screen pixels, so that letters keep their size on a phone.
   Colours are those of play.css, which follow the theme. */
"use strict";

globalThis.playCharts = (() => {
  const short = (x) => Math.round(x * 100) / 100;
  const joined = (points) => points.map((point) => point.map(short).join(",")).join("L");
  /** A smooth line through the middles between points: the grid's corners are no news. */
  const smooth = (points) => {
    const middle = ([x, y], [u, v]) => [(x + u) / 2, (y + v) / 2].map(short).join(",");
    const bends = points.slice(1, -1).map((point, i) => `Q${point.map(short).join(",")} ${middle(point, points[i + 2])}`);
    return `${points[0].map(short).join(",")}${bends.join("")}L${points.at(-1).map(short).join(",")}`;
  };
  const stroke = (points, name) => `<path class="${name}" d="M${joined(points)}"/>`;
  const words = (x, y, text, anchor = "middle", name = "") =>
    `<text class="${name}" x="${short(x)}" y="${short(y)}" text-anchor="${anchor}">${text}</text>`;
  const dot = (x, y, radius, name) => `<circle class="${name}" cx="${short(x)}" cy="${short(y)}" r="${radius}"/>`;

  function picture(width, height, label, content) {
    return `<svg role="img" aria-label="${label}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${content}</svg>`;
  }

  /** Each place on the screen has a shape, so that nobody needs its colour. In a box of 24 by 24. */
  const SHAPES = [
    "M12,2.5a9.5,9.5 0 1 0 .01,0Z", // circle
    "M12,2L23,21.5H1Z", // triangle
    "M3,3H21V21H3Z", // square
    "M12,0.5L23.5,12L12,23.5L0.5,12Z", // diamond
    "M12,0.8L15.3,8.5L23.6,9.2L17.3,14.7L19.2,22.8L12,18.5L4.8,22.8L6.7,14.7L0.4,9.2L8.7,8.5Z", // star
  ];
  const NAMES = ["circle", "triangle", "square", "diamond", "star"];
  const shape = (place, size) => `<svg class="shape place-${place}" aria-hidden="true" width="${size}" height="${size}" viewBox="0 0 24 24"><path d="${SHAPES[place]}"/></svg>`;

  /** One parameter: its posterior as a filled hill over the prior's dashed one, the 90% interval and the mean, and below
      them the simulated people. `at` takes a value to its share of the axis; `ticks` are values. */
  function marginal(width, { label, weights, prior, at, ticks, mean, interval, people, axis }) {
    const left = 10, right = width - 10, top = 6, floor = 106;
    const px = (value) => left + at(value) * (right - left);
    const tallest = Math.max(...weights, ...prior);
    const hill = (heights) => heights.map((height, i) => [
      left + ((i + 0.5) / heights.length) * (right - left), floor - (height / tallest) * (floor - top),
    ]);
    const mine = smooth(hill(weights));
    let content = `<path class="you-area" d="M${left},${floor}L${mine}L${right},${floor}Z"/>`;
    content += `<path class="prior" d="M${smooth(hill(prior))}"/><path class="you-line" d="M${mine}"/>`;
    content += stroke([[left, floor], [right, floor]], "axis");
    content += stroke([[px(interval[0]), floor + 10], [px(interval[1]), floor + 10]], "interval") + dot(px(mean), floor + 10, 5.5, "you");
    people.forEach((value, i) => { content += dot(px(value), floor + 26 + 9 * ((i * 0.618) % 1), 3.2, "person"); });
    const foot = floor + 46;
    content += stroke([[left, foot], [right, foot]], "axis");
    for (const tick of ticks) content += stroke([[px(tick), foot], [px(tick), foot + 4]], "axis") + words(px(tick), foot + 18, tick);
    content += words((left + right) / 2, foot + 37, axis);
    return picture(width, foot + 44, label, content);
  }

  /** The density above which the points with this much probability lie. */
  function levelOf(joint, probability) {
    let held = 0;
    for (const weight of joint.flat().sort((a, b) => b - a)) if ((held += weight) >= probability) return weight;
    return 0;
  }

  /** Where the surface crosses a level: short lines from edge to edge of each square of four points (marching squares).
      A rim of zeros closes lines that run into the border. */
  function contour(joint, level, place) {
    const n = joint.length;
    const height = (i, j) => joint[i]?.[j] ?? 0;
    const coordinate = (i) => Math.min(Math.max((i + 0.5) / n, 0), 1);
    let d = "";
    for (let i = -1; i < n; i++) {
      for (let j = -1; j < n; j++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        const crossings = [];
        corners.forEach(([a, b], side) => {
          const [c, e] = corners[(side + 1) % 4];
          const here = height(a, b) - level, there = height(c, e) - level;
          if (here >= 0 === there >= 0) return;
          const share = here / (here - there);
          crossings.push(place(coordinate(a + share * (c - a)), coordinate(b + share * (e - b))));
        });
        for (let k = 0; k + 1 < crossings.length; k += 2) d += `M${joined(crossings.slice(k, k + 2))}`;
      }
    }
    return d;
  }

  /** The same surface as a small picture of white points that are the denser the more probable; a mask. */
  function densityImage(joint) {
    const n = joint.length, canvas = document.createElement("canvas");
    canvas.width = canvas.height = n;
    const context = canvas.getContext("2d"), image = context.createImageData(n, n);
    const top = Math.max(...joint.flat());
    joint.forEach((row, i) => row.forEach((weight, j) => {
      image.data.set([255, 255, 255, Math.round(190 * Math.sqrt(weight / top))], 4 * ((n - 1 - j) * n + i));
    }));
    context.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  /** Both learning rates at once. */
  function jointRates(width, { label, joint, mean, people }) {
    const side = Math.min(width - 56, 400), left = 46, top = 8;
    const place = (x, y) => [left + x * side, top + (1 - y) * side];
    let content = `<mask id="play-density"><image href="${densityImage(joint)}" x="${left}" y="${top}" width="${side}" height="${side}"/></mask>`;
    content += `<rect class="you-fill" x="${left}" y="${top}" width="${side}" height="${side}" mask="url(#play-density)"/>`;
    content += stroke([place(0, 0), place(1, 1)], "equal");
    for (const level of [0.9, 0.5]) content += `<path class="you-line" d="${contour(joint, levelOf(joint, level), place)}"/>`;
    content += `<rect class="axis" x="${left}" y="${top}" width="${side}" height="${side}"/>`;
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      const [x, y] = place(tick, tick);
      content += stroke([[x, top + side], [x, top + side + 4]], "axis") + words(x, top + side + 18, tick);
      content += stroke([[left - 4, y], [left, y]], "axis") + words(left - 8, y + 5, tick, "end");
    }
    people.forEach(([x, y]) => { content += dot(...place(x, y), 4, "person"); });
    content += dot(...place(...mean), 7, "you");
    const [x, y] = place(0.97, 0.97);
    content += words(x, y + 20, "equal", "end", "muted halo") + words(left + side / 2, top + side + 40, "α⁺, good surprises");
    content += `<text text-anchor="middle" transform="translate(12 ${short(top + side / 2)}) rotate(-90)">α⁻, bad surprises</text>`;
    return picture(left + side + 10, top + side + 48, label, content);
  }

  /** A row for each place: the arm's value over the trials, what it pays in truth, a tick up for each point and a tick down
      for each choice without one. */
  function valueRows(width, { label, values, order, choices, rewards, probabilities }) {
    const left = 44, right = width - 58, row = 72, high = 40;
    const px = (trial) => left + (trial / choices.length) * (right - left);
    let content = words(right + 54, 12, "pays", "end", "muted"), top = 24;
    order.forEach((arm, place) => {
      const py = (value) => top + (1 - value) * high;
      content += `<rect class="lane" x="${left}" y="${top}" width="${short(right - left)}" height="${high}"/>`;
      content += `<path class="shape place-${place}" transform="translate(22 ${top + high / 2 - 9}) scale(0.75)" d="${SHAPES[place]}"/>`;
      content += words(10, top + high / 2 + 5, place + 1, "middle", "strong");
      content += stroke([[left, py(probabilities[arm])], [right, py(probabilities[arm])]], "truth");
      content += words(right + 54, py(probabilities[arm]) + 5, `${Math.round(100 * probabilities[arm])}%`, "end");
      const path = values.map((value, trial) => [px(trial), py(value[arm])]);
      content += stroke(path, `value place-${place}`);
      choices.forEach((choice, trial) => {
        if (choice !== arm) return;
        const x = px(trial + 0.5);
        content += rewards[trial] ? stroke([[x, top - 2], [x, top - 9]], "win") : stroke([[x, top + high + 2], [x, top + high + 9]], "loss");
      });
      top += row;
    });
    for (const tick of [0, 25, 50, 75, 100]) content += words(px(tick), top + 2, tick);
    content += words((left + right) / 2, top + 21, "trials played");
    return picture(width, top + 28, label, content);
  }

  return { NAMES, shape, marginal, jointRates, valueRows };
})();
