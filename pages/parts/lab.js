// After plots.js and lab_ask.js. Draws the image lab, once, and puts answers into it.
const PLACES = 100; // of the slider: strengths grow with the square of the place, so that small ones are far apart

function el(tag, props = {}, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  for (const [name, value] of Object.entries(props.data ?? {})) made.dataset[name] = value;
  made.append(...children);
  return made;
}

const fill = (text, ...values) => values.reduce((said, value, i) => said.replaceAll(`{${i}}`, value), text);
const percent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;
const strengthSaid = (eps, norm) => norm !== "l2" ? `${Number((100 * eps).toPrecision(3))}\u00a0%` : `${Number(eps.toPrecision(3))}`;

// **words** between stars stand out; everything else is text.
function sentence(parent, said) {
  parent.replaceChildren(...said.split("**").map((part, i) => i % 2 ? el("strong", { textContent: part }) : part));
}

function button(said, help, onclick) {
  return el("button", { type: "button", textContent: said, title: help ?? "", onclick });
}

function chooser(said, onchange) {
  const select = el("select", { onchange: () => onchange(select.value) });
  select.setAttribute("aria-label", said);
  return { label: el("label", {}, el("span", { textContent: said }), select), select };
}

function options(select, pairs, value) {
  select.replaceChildren(...pairs.map(([name, said]) => el("option", { value: name, textContent: said })));
  select.value = value ?? "";
}

function image(alt) {
  return el("img", { alt, decoding: "sync" });
}

// --- the parts, made once
function make(lab) {
  const { words } = lab.data, parts = lab.parts;
  parts.problem = el("p", { className: "problem", hidden: true });
  parts.problem.setAttribute("role", "alert");
  parts.finding = el("p", { className: "sentence", textContent: `${words.loading} …` });
  parts.finding.setAttribute("aria-live", "polite");
  parts.compared = el("p", { className: "compared" });
  parts.cards = [card(lab, 0), card(lab, 1)];
  lab.root.replaceChildren(
    controls(lab), parts.problem, el("div", { className: "told" }, parts.finding, " ", parts.compared),
    el("div", { className: "cards" }, original(lab), ...parts.cards.map((one) => one.root)),
    acrossStrengths(lab), tests(lab), ending(lab),
  );
}

function controls(lab) {
  const { words } = lab.data, parts = lab.parts;
  parts.dataset = chooser(words.images, (name) => chooseDataset(lab, name));
  parts.models = [words.first, words.second].map((said, i) => chooser(said, (name) => chooseModel(lab, i, name)));
  parts.attack = chooser(words.attack, (name) => chooseAttack(lab, name));
  parts.norm = chooser(words.norm, (norm) => chooseNorm(lab, norm));
  parts.steps = number(lab, "steps", words.steps, 1, lab.data.most.steps);
  parts.seed = number(lab, "seed", words.seed, 0, 1_000_000_000);
  const advanced = el("details", {}, el("summary", { textContent: words.advanced }),
    el("div", { className: "row" }, parts.norm.label, parts.steps.label, parts.seed.label));
  return el("div", { className: "controls" },
    el("div", { className: "row" }, parts.dataset.label, ...parts.models.map((one) => one.label), parts.attack.label),
    el("div", { className: "row" }, slider(lab), advanced));
}

function number(lab, name, said, min, max) {
  const input = el("input", { type: "number", min, max, step: 1 });
  input.onchange = () => {
    lab.state[name] = Math.min(max, Math.max(min, Math.round(Number(input.value)) || min));
    input.value = lab.state[name];
    refresh(lab, true);
  };
  return { label: el("label", {}, el("span", { textContent: said }), input), input };
}

function slider(lab) {
  const { words } = lab.data, parts = lab.parts;
  parts.slider = el("input", { type: "range", min: 0, max: PLACES, step: 1 });
  parts.slider.setAttribute("aria-label", words.strength);
  parts.strength = el("output");
  parts.slider.oninput = () => {
    const reach = lab.data.norms[lab.state.norm].reach;
    lab.state.eps = Number((reach * (Number(parts.slider.value) / PLACES) ** 2).toFixed(4));
    showStrength(lab);
    refresh(lab, false);
  };
  parts.sliderName = el("span", { textContent: words.strength });
  return el("label", { className: "strength" }, parts.sliderName, parts.strength, parts.slider);
}

function original(lab) {
  const { words } = lab.data, parts = lab.parts;
  parts.original = image(words.original_alt);
  parts.about = el("figcaption");
  parts.file = el("input", { type: "file", accept: "image/png,image/jpeg", hidden: true });
  parts.file.onchange = () => { upload(lab, parts.file.files[0]); parts.file.value = ""; };
  parts.shows = chooser(words.shows, (label) => choose(lab, { ...lab.state.picture, label: label === "" ? null : Number(label) }));
  parts.invert = button(words.invert, "", () => choose(lab, { ...lab.state.picture, pixels: inverted(lab.state.picture.pixels) }));
  parts.own = el("div", { className: "own" }, parts.shows.label, parts.invert);
  parts.surprise = button(words.surprise, "", () => choose(lab, { index: Math.floor(Math.random() * dataset(lab).n_test) }));
  parts.hard = button(words.hard, words.hard_help, () => findHard(lab));
  const uploads = button(words.upload, words.upload_help, () => parts.file.click());
  return el("section", { className: "card original" }, el("h3", { textContent: words.original }),
    el("figure", {}, parts.original, parts.about), parts.own,
    el("div", { className: "buttons" }, parts.surprise, parts.hard, uploads, parts.file));
}

function card(lab, place) {
  const { words } = lab.data, one = { bars: [] };
  one.name = el("h3");
  one.title = el("span", { className: "small" });
  one.change = image("");
  one.magnified = el("figcaption");
  one.result = image("");
  one.verdict = el("figcaption");
  one.badge = el("span", { className: "badge" });
  one.save = el("a", { className: "save", textContent: words.save_picture, title: words.save_picture_help, download: "tampered-image.png" });
  one.smallest = el("p", { className: "smallest", title: words.smallest_help });
  one.classes = el("div", { className: "bars" });
  one.root = el("section", { className: "card", data: { place } }, el("header", {}, one.name, one.title, one.badge),
    el("div", { className: "pair" }, el("figure", {}, one.change, one.magnified),
      el("figure", {}, one.result, el("div", { className: "said" }, one.verdict, one.save))),
    one.smallest, one.classes);
  return one;
}

function makeBars(lab, one, said) {
  const { words } = lab.data;
  one.bars = dataset(lab).classes.map((name) => {
    const before = el("i", { className: "before" }), after = el("i", { className: "after" }), share = el("b");
    const row = el("div", { className: "bar" }, el("span", { textContent: name, title: name }), el("div", {}, before, after), share);
    return { row, before, after, share };
  });
  const legend = el("div", { className: "legend" }, el("i", { className: "before" }), words.before, el("i", { className: "after" }), words.after);
  one.classes.replaceChildren(legend, ...one.bars.map(({ row }) => row));
  one.classes.setAttribute("role", "group");
  one.classes.setAttribute("aria-label", fill(words.bars, said));
}

function acrossStrengths(lab) {
  const { words } = lab.data;
  lab.parts.strip = el("div", { className: "strip" });
  lab.parts.stripSection = el("section", { className: "across", hidden: true },
    el("h3", { textContent: words.strip }), el("p", { className: "small", textContent: words.strip_help }), lab.parts.strip);
  return lab.parts.stripSection;
}

function tests(lab) {
  const { words } = lab.data, parts = lab.parts;
  parts.of = chooser(words.shows, (name) => { lab.page = { start: 0, of: name === "" ? null : Number(name) }; showTests(lab); });
  const turn = (by) => () => { lab.page.start = Math.max(0, lab.page.start + by); showTests(lab); };
  parts.earlier = Object.assign(button("‹", words.earlier, turn(-lab.page.count)), { ariaLabel: words.earlier });
  parts.later = Object.assign(button("›", words.later, turn(lab.page.count)), { ariaLabel: words.later });
  parts.thumbs = el("div", { className: "thumbs" });
  parts.tests = el("section", { className: "tests" }, el("div", { className: "head" },
    el("h3", { textContent: words.pictures }), parts.of.label, parts.earlier, parts.later), parts.thumbs);
  return parts.tests;
}

function ending(lab) {
  const { words } = lab.data, parts = lab.parts;
  parts.copied = el("span", { className: "small" });
  parts.copied.setAttribute("role", "status");
  parts.priced = el("a", { textContent: words.priced });
  return el("div", { className: "ending" }, parts.priced, el("span", { className: "grow" }),
    el("span", { textContent: words.save }), button("JSON", words.save, () => saveNumbers(lab, "json")),
    button("CSV", words.save, () => saveNumbers(lab, "csv")), button(words.link, "", () => copyLink(lab)), parts.copied);
}

async function copyLink(lab) {
  const whole = new URL(link(lab), location.href).href, { words } = lab.data;
  const said = whole.includes("index=") || whole.includes("pixels=") ? words.copied : words.link_without_picture;
  try { await navigator.clipboard.writeText(whole); lab.parts.copied.textContent = said; }
  catch { lab.parts.copied.replaceChildren(el("input", { value: whole, readOnly: true, onfocus() { this.select(); } })); }
}

// --- what is chosen
const dataset = (lab) => lab.data.datasets[lab.model(0).dataset];
const alike = (lab, name) => lab.data.models.filter((model) => model.dataset === name);

function chooseDataset(lab, name) {
  Object.assign(lab.state, { models: [...lab.data.datasets[name].usual], picture: { index: 0 } });
  begin(lab);
}

function chooseModel(lab, place, name) {
  const chosen = [...lab.state.models];
  if (name) chosen[place] = name; else chosen.splice(place, 1);
  lab.state.models = chosen;
  showChoices(lab);
  refresh(lab, true);
}

function chooseAttack(lab, name) {
  const attack = lab.data.attacks.find((one) => one.name === name);
  lab.state.attack = name;
  if (!attack.norms.includes(lab.state.norm)) return chooseNorm(lab, attack.norms[0]);
  showChoices(lab);
  refresh(lab, true);
}

function chooseNorm(lab, norm) {
  lab.state.eps *= lab.data.norms[norm].reach / lab.data.norms[lab.state.norm].reach;
  lab.state.eps = Number(lab.state.eps.toFixed(4));
  lab.state.norm = norm;
  showChoices(lab);
  refresh(lab, true);
}

function choose(lab, picture) {
  lab.state.picture = picture;
  showPicture(lab);
  refresh(lab, true);
}

async function findHard(lab) {
  const { words } = lab.data, { hard } = lab.parts;
  Object.assign(hard, { disabled: true, textContent: words.looking });
  try {
    const answer = await ask(lab, "hard", { norm: lab.state.norm === "l2" ? "l2" : "linf", seed: Math.floor(Math.random() * 1_000_000) });
    if (answer) { if (lab.state.norm !== "spatial") lab.state.eps = Number(answer.eps.toFixed(4)); showStrength(lab); choose(lab, { index: answer.index }); }
  } catch (error) {
    told(lab, error.message);
  }
  Object.assign(hard, { disabled: false, textContent: words.hard });
}

// --- what is shown
function showChoices(lab) {
  const { data, parts, state } = lab, { words } = data, name = lab.model(0).dataset, attack = data.attacks.find((one) => one.name === state.attack);
  options(parts.dataset.select, Object.entries(data.datasets).map(([key, one]) => [key, one.title]), name);
  const models = alike(lab, name).map((model) => [model.name, model.title]);
  options(parts.models[0].select, models, state.models[0]);
  options(parts.models[1].select, [["", words.none], ...models], state.models[1]);
  options(parts.attack.select, data.attacks.filter((one) => !one.source || state.models.length > 1).map((one) => [one.name, one.title]), state.attack);
  parts.attack.select.title = attack.doc;
  options(parts.norm.select, attack.norms.map((norm) => [norm, data.norms[norm].said]), state.norm);
  parts.steps.label.hidden = !attack.iterative;
  parts.steps.input.value = state.steps;
  parts.seed.input.value = state.seed;
  parts.cards.forEach((one, i) => {
    one.root.hidden = i >= state.models.length;
    if (one.root.hidden) return;
    one.name.textContent = lab.model(i).said;
    const [, kind, ...come] = lab.model(i).title.split(" · ");
    Object.assign(one.title, { textContent: kind, title: come.join(" · ") });
    makeBars(lab, one, lab.model(i).said);
  });
  parts.priced.href = lab.model(state.models.length - 1).priced;
  showStrength(lab);
  showPicture(lab);
}

function showStrength(lab) {
  const { state, parts, data } = lab, reach = data.norms[state.norm].reach, said = strengthSaid(state.eps, state.norm);
  parts.slider.value = Math.round(PLACES * Math.sqrt(state.eps / reach));
  parts.slider.style.setProperty("--share", `${parts.slider.value}%`);
  parts.slider.setAttribute("aria-valuetext", said);
  parts.sliderName.title = data.words.strength_help[state.norm];
  parts.strength.textContent = said;
}

function showPicture(lab) {
  const { parts, state, data } = lab, about = dataset(lab), own = Boolean(state.picture.pixels);
  parts.own.hidden = !own;
  options(parts.shows.select, [["", data.words.as_said], ...about.classes.map((name, i) => [i, name])], state.picture.label);
  parts.surprise.disabled = parts.hard.disabled = Boolean(about.closed);
  parts.tests.hidden = Boolean(about.closed);
  if (own) parts.about.textContent = data.words.own_image;
  for (const one of parts.thumbs.children) one.setAttribute("aria-pressed", !own && one.dataset.index === String(state.picture.index));
}

async function showTests(lab) {
  const { parts, page, data } = lab, about = dataset(lab);
  if (about.closed) return told(lab, about.closed);
  try {
    const answer = await ask(lab, "images", { start: page.start, count: page.count, of: page.of });
    if (!answer) return;
    parts.thumbs.replaceChildren(...answer.images.map((one) => {
      const name = about.classes[one.label], said = fill(data.words.test_image, one.index, name);
      const thumb = el("button", { type: "button", title: said, data: { index: one.index }, onclick: () => choose(lab, { index: one.index }) },
        Object.assign(image(said), { src: one.picture }), el("span", { textContent: name }));
      return thumb;
    }));
    parts.earlier.disabled = page.start === 0;
    parts.later.disabled = page.start + page.count >= answer.total;
    showPicture(lab);
  } catch (error) {
    told(lab, error.message);
  }
}

// --- answers
async function drawTampered(lab, answer, asked, number) {
  const { parts, data } = lab, { words } = data, { classes } = dataset(lab);
  if (answer.models.some((side, i) => side.name !== lab.state.models[i])) return;
  sentence(parts.finding, answer.finding);
  parts.original.src = answer.original;
  if (!asked.picture.pixels) parts.about.textContent = fill(words.test_image, asked.picture.index, classes[answer.label]);
  answer.models.forEach((side, i) => drawSide(lab, parts.cards[i], side, answer));
  await Promise.all(parts.cards.slice(0, answer.models.length).flatMap((one) => [one.result.decode(), one.change.decode()])).catch(() => {});
  lab.root.dataset.rough = answer.rough;
  lab.root.dataset.eps = asked.eps;
  lab.root.dataset.drawn = number;
}

function drawSide(lab, one, side, answer) {
  const { words } = lab.data, { classes } = dataset(lab), best = (shares) => shares.indexOf(Math.max(...shares));
  const before = best(side.before), after = best(side.after), misread = answer.label !== null && before !== answer.label;
  Object.assign(one.change, { src: side.perturbation, alt: fill(words.change_alt, side.said) });
  one.magnified.textContent = side.magnified ? fill(words.change, Number(side.magnified.toPrecision(2))) : words.unchanged;
  Object.assign(one.result, { src: side.picture, alt: fill(words.result_alt, side.said, classes[after]) });
  one.save.href = side.picture;
  one.verdict.textContent = fill(words.says, `${classes[after]} (${percent(side.after[after])})`);
  const state = misread ? "misread" : before === after ? "stands" : "flipped";
  one.badge.dataset.state = state;
  one.badge.textContent = answer.rough ? words.rough : words[state];
  one.bars.forEach(({ row, before: was, after: now, share }, i) => {
    was.style.width = `${100 * side.before[i]}%`;
    now.style.width = `${100 * side.after[i]}%`;
    share.textContent = percent(side.after[i]);
    row.classList.toggle("says", i === after);
    row.title = `${classes[i]}: ${percent(side.before[i])} → ${percent(side.after[i])}`;
    row.classList.toggle("true", i === answer.label);
  });
}

function searching(lab) {
  lab.parts.compared.textContent = "";
  lab.parts.cards.forEach((one) => { one.smallest.textContent = lab.data.words.searching; });
}

function drawSmallest(lab, answer) {
  sentence(lab.parts.compared, answer.compared);
  answer.said.forEach((said, i) => sentence(lab.parts.cards[i].smallest, said));
  lab.root.dataset.smallest = JSON.stringify(answer.smallest);
}

function drawStrip(lab, answer) {
  const { parts, state, data } = lab, { classes } = dataset(lab), names = state.models.map((_, i) => lab.model(i).said);
  parts.strip.replaceChildren(...answer.rows.flatMap((row, i) => [
    el("p", { className: "against", textContent: fill(data.words.made_against, names[i]) }),
    el("div", { className: "tiles" }, ...row.map((tile, place) => el("figure", {},
      Object.assign(image(`${strengthSaid(answer.eps[place], state.norm)}: ${tile.says.map((one) => classes[one]).join(", ")}`), { src: tile.picture }),
      el("figcaption", {}, el("b", { textContent: strengthSaid(answer.eps[place], state.norm) }),
        ...tile.says.map((one, j) => el("span", {
          className: one === row[0].says[j] ? "stands" : "flipped", title: names[j],
          textContent: classes[one] + (names.length > 1 ? ` (${j + 1})` : ""),
        })))))),
  ]));
  parts.stripSection.hidden = false;
}

function begin(lab) {
  lab.page.start = 0;
  lab.page.of = null;
  options(lab.parts.of.select, [["", lab.data.words.every_class], ...dataset(lab).classes.map((name, i) => [i, name])], "");
  lab.parts.thumbs.replaceChildren();
  lab.parts.stripSection.hidden = true;
  showChoices(lab);
  if (dataset(lab).closed && !lab.state.picture.pixels) told(lab, dataset(lab).closed); else refresh(lab, true);
  showTests(lab);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".frontier-lab"), style = getComputedStyle(root);
  root.style.setProperty("--clean", coloured("var(--st-chart-categorical-colors,0)", style));
  root.style.setProperty("--attacked", coloured("var(--st-chart-categorical-colors,1)", style));
  document.body.dataset.frontier = "seen"; // from now on a lost connection is worth a word
  lendColours(style);
  if (root.lab) {
    root.lab.data = data;
    return undefined;
  }
  const state = (location.search ? undefined : left(data)) ?? structuredClone(data.start);
  const lab = { root, data, state, parts: {}, page: { start: 0, count: 12, of: null }, wanted: 0, answered: 0, busy: false, path: location.pathname };
  lab.chosen = () => lab.state.models;
  lab.model = (place) => lab.data.models.find(({ name }) => name === lab.state.models[place]);
  root.lab = lab;
  make(lab);
  begin(lab);
  return () => { clearTimeout(lab.keeping); root.lab = undefined; };
}
