// After plots.js, lab_ask.js and lab_make.js. The parts of `Rebuilt images`, made once; rebuilt.js puts numbers into them.
const png = (text) => `data:image/png;base64,${text}`;
const EMPTY = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="; // one clear pixel, where no picture is yet
const two = (value) => value.toFixed(2).replace("-0.00", "0.00");

function makePage(page) {
  const { words } = page.data, parts = page.parts;
  page.root.replaceChildren(
    gradientSection(page), heldSection(page),
    el("div", { className: "ending" }, el("a", { textContent: words.priced, href: page.data.priced })));
  sentence(parts.caveat, words.caveat);
  sentence(parts.heldCaveat, words.held_caveat);
}

function gradientSection(page) {
  const { words } = page.data, parts = page.parts;
  parts.finding = el("p", { className: "sentence finding" });
  parts.finding.setAttribute("aria-live", "polite");
  parts.pairs = el("div", { className: "pairs" });
  parts.also = el("p", { className: "small also" });
  parts.chart = el("figure", { className: "chart" });
  parts.bound = place(words.bound, words.bound_help, page.data.bounds.length, (at) => page.moved("bound", at));
  parts.noise = place(words.noise, words.noise_help, page.data.noises.length, (at) => page.moved("noise", at));
  parts.provenance = el("p", { className: "small provenance" });
  parts.problem = el("p", { className: "problem", hidden: true });
  parts.problem.setAttribute("role", "alert");
  parts.caveat = el("p", { className: "caveat" });
  return el("section", { className: "gradient" }, parts.finding,
    el("div", { className: "stage" }, el("div", { className: "left" }, parts.pairs, parts.also), parts.chart),
    el("div", { className: "row sliders" }, parts.bound.label, parts.noise.label),
    parts.provenance, parts.problem, gradientControls(page), parts.caveat);
}

function gradientControls(page) {
  const { words } = page.data, parts = page.parts;
  parts.attack = chooser(words.attack, (name) => page.choose({ attack: name }));
  parts.dataset = chooser(words.images, (name) => page.choose({ dataset: name }));
  parts.network = chooser(words.network, (key) => page.choose({ network: key }));
  parts.network.label.classList.add("long");
  parts.count = chooser(words.count, (n) => page.choose({ count: Number(n) }));
  parts.run = button(words.run, "", () => page.run());
  parts.run.classList.add("primary");
  parts.progress = progress(words.stop);
  const turn = (by) => () => page.turn(by);
  parts.earlier = Object.assign(button("‹", words.earlier, turn(-1)), { ariaLabel: words.earlier });
  parts.later = Object.assign(button("›", words.later, turn(1)), { ariaLabel: words.later });
  parts.thumbs = el("div", { className: "thumbs" });
  parts.tests = el("details", { className: "tests", ontoggle: () => page.turn(0) }, el("summary", { textContent: words.pick, title: words.pick_help }),
    el("div", { className: "head" }, el("span", { className: "small", textContent: words.pick_help }), parts.earlier, parts.later), parts.thumbs);
  return el("div", { className: "controls" },
    el("div", { className: "row" }, parts.attack.label, parts.network.label, parts.count.label, parts.dataset.label),
    el("div", { className: "row actions" }, parts.run, parts.progress.root), parts.tests);
}

// A bar, what it says, and a button that ends what it is about.
function progress(stop) {
  const bar = el("progress", { max: 1, value: 0 }), said = el("span", { className: "small" }), end = button(stop, "", () => end.press?.());
  said.setAttribute("role", "status");
  const root = el("div", { className: "progress" }, bar, end, said);
  const one = { root, bar, said, end };
  rest(one, "");
  return one;
}

function rest(one, sentence) {
  one.bar.hidden = one.end.hidden = true;
  one.said.textContent = sentence;
}

function place(said, help, size, moved) {
  const input = el("input", { type: "range", min: 0, max: size - 1, step: 1, oninput: () => moved(Number(input.value)) });
  input.setAttribute("aria-label", said);
  const output = el("output");
  return { input, output, label: el("label", { className: "strength" }, el("span", { textContent: said, title: help }), output, input) };
}

function stand(one, at, said) {
  one.input.value = at;
  one.input.style.setProperty("--share", `${(100 * at) / Math.max(1, one.input.max)}%`);
  one.input.setAttribute("aria-valuetext", said);
  one.output.textContent = said;
}

// An original above or beside what was rebuilt of it.
function pair(words) {
  const one = { original: image(""), rebuilt: image(""), ssim: el("b"), psnr: el("span"), name: el("span") };
  one.root = el("div", { className: "pair-of" },
    el("figure", {}, one.original, el("figcaption", {}, one.name)),
    el("figure", {}, one.rebuilt, el("figcaption", {}, one.ssim, " ", one.psnr)));
  return one;
}

function heldSection(page) {
  const { words } = page.data, parts = page.parts;
  parts.heldFinding = el("p", { className: "sentence finding" });
  parts.heldFinding.setAttribute("aria-live", "polite");
  parts.rows = [heldRow(), heldRow()];
  parts.heldProblem = el("p", { className: "problem", hidden: true });
  parts.heldProblem.setAttribute("role", "alert");
  parts.holders = [words.first, words.second].map((said, i) => chooser(said, (name) => page.hold(i, name)));
  parts.draw = button(words.draw, "", () => page.drawHeld());
  parts.draw.classList.add("primary");
  parts.heldProgress = progress(words.stop);
  parts.heldCaveat = el("p", { className: "caveat" });
  parts.held = el("section", { className: "held" }, el("h3", { textContent: words.held }), parts.heldFinding,
    ...parts.rows.map((row) => row.root), parts.heldProblem,
    el("div", { className: "row" }, ...parts.holders.map((one) => one.label)),
    el("div", { className: "row actions" }, parts.draw, parts.heldProgress.root), parts.heldCaveat);
  return parts.held;
}

function heldRow() {
  const row = { name: el("b"), judged: el("span", { className: "small" }), tiles: el("div", { className: "classes" }) };
  row.root = el("div", { className: "holder" }, el("p", {}, row.name, " ", row.judged), row.tiles);
  return row;
}

// --- the chart: SSIM against the noise multiplier, drawn where it stands
const SVG = "http://www.w3.org/2000/svg", WIDE = 420, HIGH = 300;
const INSET = { left: 40, right: 12, top: 30, bottom: 44 };

function shape(tag, at, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(at)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawChart(page, values, at, chance) {
  const { words, noises } = page.data, low = -0.1;
  const across = (i) => INSET.left + (i * (WIDE - INSET.left - INSET.right)) / (noises.length - 1);
  const down = (value) => INSET.top + ((1 - value) * (HIGH - INSET.top - INSET.bottom)) / (1 - low);
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  const known = values.map((value, i) => ({ value, i })).filter(({ value }) => value !== undefined);
  svg.setAttribute("aria-label", fill(words.chart_alt, known.map(({ i }) => noises[i]).join(", "), known.map(({ value }) => two(value)).join(", "), two(chance ?? 0)));
  svg.append(shape("text", { x: 0, y: 14, class: "title" }, words.chart));
  for (const value of [0, 0.5, 1]) svg.append(
    shape("line", { x1: INSET.left, x2: WIDE - INSET.right, y1: down(value), y2: down(value), class: "grid" }),
    shape("text", { x: INSET.left - 8, y: down(value) + 4, "text-anchor": "end" }, value));
  noises.forEach((noise, i) => svg.append(shape("text", { x: across(i), y: HIGH - INSET.bottom + 18, "text-anchor": "middle" }, noise)));
  svg.append(shape("text", { x: WIDE - INSET.right, y: HIGH - 8, "text-anchor": "end" }, words.chart_axis));
  if (chance != null) svg.append(
    shape("line", { x1: INSET.left, x2: WIDE - INSET.right, y1: down(chance), y2: down(chance), class: "chance" }),
    shape("text", { x: INSET.left + 4, y: down(chance) - 6 }, words.chance));
  for (let k = 1; k < known.length; k += 1) if (known[k].i === known[k - 1].i + 1) svg.append(
    shape("line", { x1: across(known[k - 1].i), y1: down(known[k - 1].value), x2: across(known[k].i), y2: down(known[k].value), class: "line" }));
  for (const { value, i } of known) svg.append(shape("circle", { cx: across(i), cy: down(value), r: i === at ? 7 : 4, class: i === at ? "mark" : "dot" }));
  page.parts.chart.replaceChildren(svg);
}
