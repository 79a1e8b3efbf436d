// After stage.js. The state is { model, image, norm, strength, step }: model by name, strength by its place on the slider.
const PACE = 750, REST = 250; // ms a step is looked at while it plays, and until the address is written
const ICONS = {
  play: "M8 5v14l11-7z", pause: "M6 5h4v14H6zM14 5h4v14h-4z", step: "M6 5l8.5 7L6 19zM16 5h2.5v14H16z",
  back: "M18 5l-8.5 7 8.5 7zM5.5 5H8v14H5.5z", reset: "M12 5V1L7 6l5 5V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z", other: "M17 4l4 4-4 4V9H4V7h13zM7 12v3h13v2H7v3l-4-4z",
};

function tag(parent, name, className = "", text = "") {
  const made = Object.assign(document.createElement(name), { className, textContent: text });
  parent?.append(made);
  return made;
}

const filled = (template, slots) => template.replace(/\{(\w+)\}/g, (_, name) => slots[name]);
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
// A belief is never rounded to certainty, nor across the line where a model changes its mind.
const believed = (share) => (share > 0.99 ? "over\u00a099\u00a0%" : share < 0.01 ? "under\u00a01\u00a0%" : Math.abs(share - 0.5) < 0.01 ? `${(100 * share).toFixed(1)}\u00a0%` : percent(share));
const capital = (said) => said[0].toUpperCase() + said.slice(1);
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

// --- what is shown -------------------------------------------------------------------------------------------------
function model(exhibit, name = exhibit.state.model) {
  return exhibit.data.models.find((one) => one.name === name);
}

function path(exhibit, name) {
  const { norm, strength, image } = exhibit.state;
  return model(exhibit, name).attacked[norm].paths[strength][image];
}

const last = (exhibit) => placesOf(path(exhibit)).places.length - 1;

// From the address, from when the page was left, or the first one; nothing of it is taken on trust.
function begun(data) {
  const asked = new URLSearchParams(location.search), kept = window.__frontierExhibit;
  const usual = kept ?? { ...data.first, strength: data.strengths.indexOf(data.first.strength) };
  const one = (name, allowed, otherwise) => (allowed.includes(asked.get(name)) ? asked.get(name) : otherwise);
  const number = (name, most, otherwise) => (/^\d{1,4}$/.test(asked.get(name) ?? "") && asked.get(name) <= most ? Number(asked.get(name)) : otherwise);
  const strength = data.strengths.indexOf(10 * number("strength", 100, -1));
  const state = {
    model: one("model", data.models.map(({ name }) => name), usual.model),
    image: number("image", data.points.length - 1, usual.image),
    norm: one("norm", Object.keys(data.norms), usual.norm),
    strength: strength >= 0 ? strength : usual.strength,
  };
  const moved = Object.keys(state).some((name) => state[name] !== usual[name]);
  return { ...state, step: number("step", data.steps, moved ? data.steps : usual.step) };
}

function remember(exhibit) {
  const { data, state } = exhibit;
  window.__frontierExhibit = { ...state };
  clearTimeout(exhibit.writing);
  exhibit.writing = setTimeout(() => {
    if (!exhibit.root.isConnected) return;
    const said = new URLSearchParams(location.search);
    const now = { ...state, strength: data.strengths[state.strength] / 10 };
    for (const [name, value] of Object.entries(now)) said.set(name, value);
    history.replaceState(history.state, "", `${location.pathname}?${said}${location.hash}`);
  }, REST);
}

function change(exhibit, changes) {
  const before = exhibit.state;
  exhibit.state = { ...before, ...changes };
  const another = ["model", "image", "norm", "strength"].some((name) => exhibit.state[name] !== before[name]);
  if (another && changes.step === undefined) exhibit.state.step = Infinity;
  exhibit.state.step = Math.max(0, Math.min(exhibit.state.step, last(exhibit)));
  show(exhibit);
}

function show(exhibit) {
  const { data, state, parts } = exhibit, { norm, strength, image, step } = state;
  const point = data.points[image], eps = data.strengths[strength], way = placesOf(path(exhibit));
  if (exhibit.shownModel !== state.model) showModel(parts.stage, model(exhibit), exhibit.tints);
  exhibit.shownModel = state.model;
  showBall(parts.stage, point, eps, norm);
  showWay(parts.stage, data, image, way, step, model(exhibit).attacked[norm].singles[strength][image]);
  parts.finding.innerHTML = data.findings[norm][strength];
  parts.sentence.innerHTML = sentence(exhibit, way);
  showControls(exhibit);
  showPixels(parts.original, point);
  showPixels(parts.now, [way.places[step].x, way.places[step].y]);
  parts.change.textContent = ["x", "y"].map((axis, i) => signed(way.places[step][axis] - point[i])).join("  ");
  showBeliefs(parts.beliefs, way, step, data.steps);
  for (const card of parts.cards) showCard(exhibit, card, point, eps);
  parts.others.hidden = model(exhibit).others.length === 0;
  exhibit.root.dataset.step = step;
  remember(exhibit);
}

function sentence(exhibit, { places, misread }) {
  const { data, state } = exhibit, { step } = state, label = data.points[state.image][2];
  const called = data.called[state.model], smallest = model(exhibit).attacked[state.norm].smallest[state.image];
  const slots = {
    model: called, Model: capital(called), k: step, n: data.steps, p: believed(places[step].belief / 1000),
    this: data.shapes[label], other: data.shapes[1 - label], smallest: said(exhibit, smallest ?? 0),
  };
  const end = step === places.length - 1;
  const name = end && misread ? (step ? "misread" : "anyway") : end ? "stands" : step ? "climb" : "begin";
  const more = [];
  if (step && isBack(places[step - 1], places[step])) more.push(data.said.back);
  if (name === "stands" && smallest !== null && smallest <= data.strengths[state.strength]) more.push(data.said.weaker);
  return [data.said[name], ...more].map((one) => filled(one, slots)).join(" ");
}

// A strength in the words of the norm: percent of full brightness, or a distance.
const said = ({ state }, eps) => (state.norm === "linf" ? `${eps / 10}\u00a0%` : `${eps / 1000}`);
const signed = (change) => `${change > 0 ? "+" : change < 0 ? "\u2212" : "\u00b1"}${Math.abs(change / 10).toFixed(1)}\u00a0%`;

function showControls(exhibit) {
  const { data, state, parts } = exhibit, end = last(exhibit);
  for (const input of parts.norms) input.checked = input.value === state.norm;
  const spoken = data.strengths_said[state.norm][state.strength];
  parts.slider.value = state.strength;
  parts.slider.style.setProperty("--share", `${(100 * state.strength) / (data.strengths.length - 1)}%`);
  parts.slider.setAttribute("aria-valuetext", spoken);
  parts.spoken.textContent = spoken;
  parts.buttons.back.disabled = parts.buttons.reset.disabled = state.step === 0;
  parts.buttons.step.disabled = state.step >= end;
  parts.buttons.play.disabled = end === 0;
  const doing = exhibit.playing ? "pause" : "play";
  parts.buttons.play.icon.setAttribute("d", ICONS[doing]);
  parts.buttons.play.word.textContent = data.told[doing];
}

function showPixels(squares, values) {
  squares.forEach((square, i) => { square.style.background = `rgb(${Array(3).fill(Math.round(0.255 * values[i])).join(" ")})`; });
}

// Belief in the truth at every step so far; the axis has room for all steps, so nothing moves while it plays.
function showBeliefs(chart, { places }, step, steps) {
  const x = (k) => 34 + (k * 198) / steps, y = (belief) => 8 + 0.084 * (1000 - belief);
  chart.line.setAttribute("d", places.slice(0, step + 1).map((one, k) => `${k ? "L" : "M"}${x(k)} ${y(one.belief)}`).join(""));
  chart.dots.replaceChildren();
  places.forEach((one, k) => {
    if (k <= step) svg(chart.dots, "circle", { cx: x(k), cy: y(one.belief), r: k === step ? 5.5 : 3, class: k === step ? "here" : "" });
  });
}

function showCard(exhibit, card, point, eps) {
  const { data, state } = exhibit, { norm, strength, image } = state, one = model(exhibit, card.name);
  card.input.checked = card.name === state.model;
  const attacked = one.attacked[norm], smallest = attacked.smallest[image];
  showMini(card.mini, one, path(exhibit, card.name), point, eps, norm);
  card.read.textContent = percent(one.clean / data.n_test);
  card.attacked.textContent = percent(attacked.standing[strength] / data.n_test);
  card.flips.textContent = smallest === 0 ? data.told.anyway : smallest === null ? filled(data.told.never, { most: said(exhibit, 400) }) : said(exhibit, smallest);
  card.flips.parentElement.classList.toggle("said", !smallest);
  card.label.classList.toggle("misread", path(exhibit, card.name)[0] === 1);
}

// --- what can be done ----------------------------------------------------------------------------------------------
function play(exhibit) {
  if (exhibit.playing) return pause(exhibit);
  if (exhibit.state.step >= last(exhibit)) exhibit.state.step = 0;
  exhibit.playing = setInterval(() => {
    if (!exhibit.root.isConnected) return pause(exhibit);
    change(exhibit, { step: exhibit.state.step + 1 });
    if (exhibit.state.step >= last(exhibit)) pause(exhibit);
  }, PACE);
  show(exhibit);
}

function pause(exhibit) {
  clearInterval(exhibit.playing);
  exhibit.playing = null;
  showControls(exhibit);
}

// By hand: whatever plays stops.
function choose(exhibit, changes) {
  pause(exhibit);
  change(exhibit, changes);
}

function nearest(points, x, y, allowed = () => true) {
  const far = points.map(([u, v], i) => (allowed(u - x, v - y, i) ? Math.hypot(u - x, v - y) : Infinity));
  const least = Math.min(...far);
  return least === Infinity ? null : far.indexOf(least);
}

function press(exhibit, event) {
  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }, [dx, dy] = ways[event.key] ?? [0, 0];
  if (event.key === " ") play(exhibit);
  else if (dx || dy) {
    const [x, y] = exhibit.data.points[exhibit.state.image];
    const found = nearest(exhibit.data.points, x, y, (u, v) => u * dx + v * dy > Math.abs(u * dy) + Math.abs(v * dx));
    if (found !== null) choose(exhibit, { image: found });
  } else return;
  event.preventDefault();
}

function click(exhibit, event) {
  const box = exhibit.parts.stage.plane.getBoundingClientRect();
  const x = (SIDE * (event.clientX - box.left)) / box.width, y = up((SIDE * (event.clientY - box.top)) / box.height);
  choose(exhibit, { image: nearest(exhibit.data.points, x, y) });
}

function visit(exhibit, { strength, ...place }) {
  pause(exhibit);
  change(exhibit, { ...place, strength: exhibit.data.strengths.indexOf(strength) });
  exhibit.root.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
  exhibit.parts.stage.plane.focus({ preventScroll: true });
}

// --- how it is built -----------------------------------------------------------------------------------------------
function build(root, data) {
  const exhibit = { root, data, state: begun(data), parts: {}, playing: null }, { parts } = exhibit;
  root.replaceChildren();
  parts.finding = tag(root, "p", "finding");
  parts.finding.setAttribute("aria-live", "polite");
  buildControls(exhibit, tag(root, "div", "controls"));
  const body = tag(root, "div", "body"), left = tag(body, "div", "left"), right = tag(body, "div", "right");
  buildStage(exhibit, left);
  parts.sentence = tag(right, "p", "sentence");
  parts.sentence.setAttribute("aria-live", "polite");
  buildImage(exhibit, tag(right, "div", "image"));
  buildCards(exhibit, tag(right, "fieldset", "cards"));
  buildQuestions(exhibit, tag(root, "section", "questions"));
  return exhibit;
}

function buildControls(exhibit, parent) {
  const { data, parts } = exhibit, norms = tag(parent, "fieldset", "norms");
  tag(norms, "legend", "", data.told.norm);
  parts.norms = Object.entries(data.norms).map(([value, name]) => {
    const label = tag(norms, "label"), input = Object.assign(tag(label, "input"), { type: "radio", name: "exhibit-norm", value });
    tag(label, "span", "", name);
    input.onchange = () => choose(exhibit, { norm: value });
    return input;
  });
  const label = tag(parent, "label", "strength");
  tag(label, "span", "", data.told.strength).title = data.told.strength_help;
  parts.spoken = tag(label, "output");
  parts.slider = Object.assign(tag(label, "input"), { type: "range", min: 0, max: data.strengths.length - 1, step: 1 });
  parts.slider.setAttribute("aria-label", data.told.strength);
  parts.slider.oninput = () => choose(exhibit, { strength: Number(parts.slider.value) });
}

function buildStage(exhibit, parent) {
  const { data, parts } = exhibit, framed = tag(parent, "div", "framed");
  tag(framed, "span", "axis up", data.told.right);
  tag(framed, "span", "ramp up");
  parts.stage = makeStage(framed, data);
  Object.assign(parts.stage.plane, { tabIndex: 0, onclick: (event) => click(exhibit, event), onkeydown: (event) => press(exhibit, event) });
  parts.stage.plane.setAttribute("role", "application");
  parts.stage.plane.setAttribute("aria-label", data.told.stage);
  tag(framed, "span", "ramp across");
  tag(framed, "span", "axis across", data.told.left);
  const player = tag(parent, "div", "player");
  const doing = {
    back: () => choose(exhibit, { step: exhibit.state.step - 1 }), play: () => play(exhibit),
    step: () => choose(exhibit, { step: exhibit.state.step + 1 }), reset: () => choose(exhibit, { step: 0 }),
    other: () => choose(exhibit, { image: (exhibit.state.image + 1) % data.points.length }),
  };
  parts.buttons = Object.fromEntries(Object.entries(doing).map(([name, onclick]) => [name, button(player, name, data.told[name], onclick)]));
  buildLegend(exhibit, tag(parent, "ul", "legend"));
}

function button(parent, name, word, onclick) {
  const made = Object.assign(tag(parent, "button", name), { type: "button", onclick });
  made.icon = svg(svg(made, "svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }), "path", { d: ICONS[name] });
  made.word = tag(made, "span", "", word);
  return made;
}

function buildLegend({ data, parts }, parent) {
  for (const name of ["gradient", "next", "frame", "single", "others"]) {
    parts[name === "others" ? "others" : `legend_${name}`] = tag(parent, "li", name, data.told[name]);
  }
}

function buildImage({ data, parts }, parent) {
  const pair = (name) => {
    const figure = tag(parent, "figure", "pixels"), both = tag(figure, "div");
    tag(figure, "figcaption", "", data.told[name]);
    return [tag(both, "span"), tag(both, "span")];
  };
  parts.original = pair("original");
  parts.now = pair("now");
  parts.change = tag(parts.now[0].parentElement.nextSibling, "small");
  const figure = tag(parent, "figure", "beliefs"), view = svg(figure, "svg", { viewBox: "0 0 240 122", role: "img", "aria-label": data.told.belief });
  svg(figure, "title");
  for (const [share, said] of [[1000, "100"], [500, "50"], [0, "0"]]) {
    const y = 8 + 0.084 * (1000 - share);
    svg(view, "path", { d: `M34 ${y}H236`, class: share === 500 ? "half" : "line" });
    svg(view, "text", { x: 28, y: y + 4, "text-anchor": "end" }).textContent = said;
  }
  for (const k of [0, data.steps / 2, data.steps]) {
    const name = k === 0 ? `${data.told.step_axis} 0` : k;
    svg(view, "text", { x: 34 + (k * 198) / data.steps, y: 108, "text-anchor": k ? "middle" : "start" }).textContent = name;
  }
  parts.beliefs = { line: svg(view, "path", { class: "walked" }), dots: svg(view, "g") };
  tag(figure, "figcaption", "", `${data.told.belief}, %`);
}

function buildCards(exhibit, parent) {
  const { data, parts } = exhibit;
  tag(parent, "legend", "", data.told.models);
  parts.cards = data.models.map(({ name }) => {
    const label = tag(parent, "label", "card"), input = Object.assign(tag(label, "input"), { type: "radio", name: "exhibit-model", value: name });
    const card = { name, label, input, mini: makeMini(label) };
    tag(label, "span", "name", data.names[name]);
    for (const number of ["read", "attacked", "flips"]) {
      const cell = tag(label, "span", `number ${number}`);
      card[number] = tag(cell, "b");
      tag(cell, "small", "", data.told[number]);
    }
    input.onchange = () => choose(exhibit, { model: name });
    return card;
  });
}

function buildQuestions(exhibit, parent) {
  tag(parent, "h3", "", exhibit.data.told.questions);
  for (const { asked, answer, place } of exhibit.data.questions) {
    const one = tag(parent, "article");
    tag(one, "h4", "", asked);
    tag(one, "p", "", answer);
    if (place) Object.assign(tag(one, "button", "show", exhibit.data.told.show), { type: "button", onclick: () => visit(exhibit, place) });
  }
}

// The theme's colours: of its lists a style sheet can take no single one.
function dress(exhibit) {
  const style = getComputedStyle(exhibit.root);
  const listed = style.getPropertyValue("--st-chart-categorical-colors").split(/,(?![^(]*\))/).map((one) => one.trim());
  const text = style.getPropertyValue("--st-text-color").trim();
  listed.forEach((colour, i) => exhibit.root.style.setProperty(`--meaning-${i}`, colour));
  exhibit.tints = [{ colour: rgb(listed[0]), most: 0.3 }, { colour: rgb(text), most: 0.2 }];
  exhibit.shownModel = null;
  for (const card of exhibit.parts.cards) paintHeat(card.mini.heat, model(exhibit, card.name).heat, exhibit.tints);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".frontier-exhibit");
  document.body.dataset.frontier = "seen"; // from now on a lost connection is worth a word
  const text = JSON.stringify([data.first, data.n_test, data.models.map(({ boundary }) => boundary)]);
  if (root.holds !== text) root.exhibit = build(root, data);
  root.holds = text;
  dress(root.exhibit);
  change(root.exhibit, {});
  root.dataset.drawn = "";
  return () => { pause(root.exhibit); root.holds = undefined; };
}
