// The parts of the image lab, made once; lab.js puts answers into them.
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
  one.magnified = el("figcaption", { title: words.change_help });
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
