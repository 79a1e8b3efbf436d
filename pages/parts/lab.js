// After plots.js, lab_ask.js and lab_make.js. What is chosen in the image lab, and what is shown of answers.
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
