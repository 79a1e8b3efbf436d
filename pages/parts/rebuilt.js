// After rebuilt_make.js. What is chosen, what is known of it, and what is asked of the lab.
const POLL = 350, TESTS = 12; // ms between two looks at a run; test images shown at once

const keyOf = ({ network, attack, images, bound, noise }) => [network, attack, images.join("."), bound, noise].join("|");
const network = (page) => page.data.networks.find(({ key }) => key === page.state.network);
const asking = (page, models) => ({ data: page.data, chosen: () => models });
const token = () => crypto.randomUUID?.() ?? `r${Math.random().toString(36).slice(2)}`;

// --- what is known: the shipped cells first, then whatever was run here
function learnShipped(page) {
  const { example, bounds, noises } = page.data, rows = example.originals.map(({ index }) => index);
  for (const one of example.originals) page.originals.set(`${example.dataset}/${one.index}`, one);
  for (const cell of example.cells) {
    const where = { network: example.networks[cell.attack], attack: cell.attack, images: rows.slice(0, cell.ssim.length),
      bound: bounds.indexOf(cell.max_grad_norm), noise: noises.indexOf(cell.noise_multiplier) };
    page.known.set(keyOf(where), { cell, finding: cell.finding, chance: example.chance, shipped: true });
  }
}

function fits(page, one) {
  return one.dataset === page.state.dataset && (one.network === "linear") === (page.state.attack === "analytic");
}

function chooseAll(page, chosen) {
  const { state, data } = page;
  page.halt();
  if (chosen.dataset && chosen.dataset !== state.dataset) state.pool = usualImages(data, chosen.dataset);
  Object.assign(state, chosen);
  if (!fits(page, network(page))) state.network = data.networks.find((one) => fits(page, one)).key;
  state.images = state.pool.slice(0, state.count);
  if (chosen.dataset) page.start = 0;
  showAll(page);
  showTestImages(page);
}

// Images 0 to 7 unless the shipped ones are of this data set, which come first then.
function usualImages(data, dataset) {
  const first = dataset === data.example.dataset ? data.example.originals.map(({ index }) => index) : [];
  return [...first, ...[...Array(32).keys()].filter((i) => !first.includes(i))].slice(0, 8);
}

function pickImage(page, index) {
  const { state } = page;
  page.halt();
  state.pool = [index, ...state.pool.filter((one) => one !== index)].slice(0, 8);
  state.images = state.pool.slice(0, state.count);
  showAll(page);
}

// --- what is shown
function showAll(page) {
  const { data, parts, state } = page, { words } = data;
  options(parts.attack.select, data.attacks.map((one) => [one.name, one.title]), state.attack);
  parts.attack.select.title = data.attacks.find(({ name }) => name === state.attack).about;
  options(parts.dataset.select, Object.entries(data.datasets).map(([name, one]) => [name, one.title]), state.dataset);
  options(parts.network.select, data.networks.filter((one) => fits(page, one)).map((one) => [one.key, one.title]), state.network);
  options(parts.count.select, data.counts.map((n) => [n, n]), state.count);
  if (state.bound === 0) state.noise = 0;
  const bound = data.bounds[state.bound];
  stand(parts.bound, state.bound, bound ?? words.unclipped);
  stand(parts.noise, state.noise, bound == null ? words.unbounded : data.noises[state.noise]);
  parts.noise.input.disabled = bound == null;
  showResult(page);
}

function showResult(page) {
  const { data, parts, state } = page, { words } = data, known = page.known.get(keyOf(state));
  const closed = data.datasets[state.dataset].closed || (network(page).model ? "" : words.missing_closed);
  parts.run.disabled = Boolean(known || closed || page.running);
  drawPairs(page, known?.cell);
  if (known) {
    sentence(parts.finding, known.finding);
    parts.also.textContent = labelsTold(known.cell, words);
    const rows = fill(state.images.length > 1 ? words.test_images : words.test_image, state.images.join(", "));
    parts.provenance.textContent = fill(known.shipped ? words.shipped : words.live, known.cell.seconds.toFixed(1), `${data.datasets[state.dataset].title}, ${rows}`);
    if (known.ended) parts.also.textContent = fill(words[known.ended], known.step, known.steps);
  } else {
    sentence(parts.finding, closed ? words.missing_closed : page.running === keyOf(state) ? words.running : words.missing);
    parts.also.textContent = parts.provenance.textContent = "\u00a0";
  }
  const values = data.noises.map((_, noise) => mean(page.known.get(keyOf({ ...state, noise }))?.cell.ssim));
  drawChart(page, values, state.noise, known?.chance ?? (state.dataset === data.example.dataset ? data.example.chance : null));
  for (const thumb of parts.thumbs.children) thumb.setAttribute("aria-pressed", state.images.includes(Number(thumb.dataset.index)));
  page.root.dataset.shown = keyOf(state);
  page.root.dataset.known = Boolean(known);
}

const mean = (values) => values && values.reduce((sum, one) => sum + one, 0) / values.length;

function labelsTold(cell, words) {
  const n = cell.ssim.length;
  if (n === 1) return cell.told ? words.told_one : words.told_none;
  return fill(words.told, cell.told, n);
}

function drawPairs(page, cell) {
  const { data, parts, state } = page, { words } = data, about = data.datasets[state.dataset];
  while (page.pairs.length < state.count) page.pairs.push(pair(words));
  page.pairs.length = state.count;
  parts.pairs.dataset.n = state.count;
  parts.pairs.replaceChildren(...page.pairs.map((one) => one.root));
  page.pairs.forEach((one, i) => {
    const index = state.images[i], held = page.originals.get(`${state.dataset}/${index}`), name = held ? about.classes[held.label] : `${index}`;
    one.original.alt = fill(words.original_alt, index, name);
    const called = held ? name : fill(words.test_image, index);
    one.name.textContent = state.count > 2 ? called : fill(words.original, called);
    one.original.src = held ? png(held.picture) : EMPTY;
    if (cell) drawRebuilt(page, one, index, cell.pictures[i], cell.ssim[i], cell.psnr[i]); else {
      one.rebuilt.src = EMPTY;
      one.rebuilt.alt = words.waiting_alt;
      one.ssim.textContent = one.psnr.textContent = "\u00a0";
    }
  });
}

function drawRebuilt(page, one, index, picture, ssim, psnr) {
  const { words } = page.data;
  one.rebuilt.src = png(picture);
  one.rebuilt.alt = fill(words.rebuilt_alt, index, two(ssim));
  one.ssim.textContent = fill(words.ssim, two(ssim));
  one.psnr.textContent = fill(words.psnr, psnr.toFixed(1));
}

function problem(part, said) {
  part.textContent = said;
  part.hidden = !said;
}

async function showTestImages(page) {
  const { data, parts, state } = page, about = data.datasets[state.dataset];
  const model = data.networks.find((one) => one.dataset === state.dataset && one.model)?.model;
  parts.tests.hidden = Boolean(about.closed || !model);
  const unseen = state.images.some((index) => !page.originals.has(`${state.dataset}/${index}`));
  if (parts.tests.hidden || !(parts.tests.open || unseen)) return;
  try {
    const answer = await ask(asking(page, [model]), "images", { start: page.start, count: TESTS });
    if (!answer) return;
    for (const one of answer.images) page.originals.set(`${state.dataset}/${one.index}`, { index: one.index, label: one.label, picture: one.picture.split(",")[1] });
    parts.thumbs.replaceChildren(...answer.images.map((one) => {
      const said = fill(data.words.original_alt, one.index, about.classes[one.label]);
      return el("button", { type: "button", title: said, data: { index: one.index }, onclick: () => pickImage(page, one.index) },
        Object.assign(image(said), { src: one.picture }), el("span", { textContent: about.classes[one.label] }));
    }));
    parts.earlier.disabled = page.start === 0;
    parts.later.disabled = page.start + TESTS >= answer.total;
    if (!page.running) showResult(page);
  } catch (error) {
    problem(parts.problem, error.message);
  }
}

// --- a run: asked once, looked at meanwhile, stopped by a look that says so
async function watched(page, part, models, what, more, drawn) {
  const run = token(), { words } = page.data, lab = asking(page, models), state = { over: false, stop: false };
  Object.assign(part.bar, { hidden: false, value: 0 });
  part.said.textContent = words.queued;
  part.end.hidden = false;
  part.end.press = () => { state.stop = true; };
  const looking = (async () => {
    while (!state.over) {
      await new Promise((done) => setTimeout(done, POLL));
      if (state.over) return;
      const at = await ask(lab, "look", { models: [], run, stop: state.stop }).catch(() => undefined);
      if (!at?.running || state.over) continue;
      part.bar.value = at.steps ? at.step / at.steps : 0;
      part.said.textContent = at.step ? fill(words.step, at.step, at.steps, Math.ceil(at.left)) : words.starting;
      if (at.pictures.length) drawn(at);
    }
  })();
  try {
    return await ask(lab, what, { run, ...more });
  } finally {
    state.over = true;
    rest(part, "");
    looking.catch(() => {});
  }
}

async function rebuildNow(page) {
  const { data, parts, state } = page, { words } = data, asked = structuredClone(state), one = network(page);
  if (page.running) return;
  page.running = keyOf(asked);
  problem(parts.problem, "");
  showResult(page);
  const here = () => page.running && keyOf(page.state) === keyOf(asked);
  const more = { network: one.network, attack: asked.attack, images: asked.images, max_grad_norm: data.bounds[asked.bound], noise_multiplier: data.noises[asked.noise] };
  try {
    const answer = await watched(page, parts.progress, [one.model], "rebuild", more, (at) => here() &&
      page.pairs.forEach((slot, i) => drawRebuilt(page, slot, asked.images[i], at.pictures[i], at.ssim[i], at.psnr[i])));
    if (answer) keepAnswer(page, asked, answer); else rest(parts.progress, words.again);
  } catch (error) {
    problem(parts.problem, error.message);
  }
  page.running = "";
  showResult(page);
}

function keepAnswer(page, asked, answer) {
  asked.images.forEach((index, i) => page.originals.set(`${asked.dataset}/${index}`, { index, label: answer.labels[i], picture: answer.originals[i] }));
  const { cell, finding, chance, ended, step, steps } = answer;
  page.known.set(keyOf(asked), { cell, finding, chance, ended, step, steps });
}

// --- what models hold of classes
const holders = (page) => page.state.holders.map((name) => page.data.models.find((model) => model.name === name)).filter(Boolean);

function showHeld(page) {
  const { data, parts, state } = page, { words } = data, [first] = holders(page);
  parts.held.hidden = !first;
  if (!first) return;
  const alike = data.models.filter((model) => model.dataset === first.dataset);
  options(parts.holders[0].select, data.models.map((one) => [one.name, `${data.datasets[one.dataset].title}: ${one.title}`]), state.holders[0]);
  options(parts.holders[1].select, [["", words.none], ...alike.map((one) => [one.name, one.title])], state.holders[1] ?? "");
  parts.rows.forEach((row, i) => drawHolder(page, row, holders(page)[i]));
  const judged = holders(page).filter((one) => page.held[one.name]?.right.length);
  parts.draw.disabled = page.drawing || holders(page).every((one) => page.held[one.name]);
  const said = judged.map((one) => fill(words.held_one, page.held[one.name].right.filter(Boolean).length, one.said));
  const { classes } = data.datasets[first.dataset];
  const [a, b] = judged.map((one) => page.held[one.name]), overlap = b && a.low <= b.high && b.low <= a.high;
  sentence(parts.heldFinding, said.length ? `${fill(words.held_finding, classes.length, said.join(" and "))}${overlap ? ` ${words.held_alike}` : ""}` : words.held_missing);
}

function drawHolder(page, row, model) {
  row.root.hidden = !model;
  if (!model) return;
  const { words, datasets, models } = page.data, found = page.held[model.name], { classes } = datasets[model.dataset];
  const judge = models.find(({ name }) => name === found?.judge);
  row.name.textContent = model.said;
  row.judged.textContent = !found ? words.held_missing : judge ? fill(words.recognised_of, found.right.filter(Boolean).length, classes.length, judge.said, percent(found.low), percent(found.high)) : words.unjudged;
  row.tiles.replaceChildren(...classes.map((name, i) => heldTile(words, model, name, found?.pictures[i], found?.sure[i], found?.right[i])));
}

function heldTile(words, model, name, picture, sure, right) {
  const shown = image(fill(words.held_alt, model.said, name));
  shown.src = picture ? png(picture) : EMPTY;
  return el("figure", { className: right ? "right" : "" }, shown, el("figcaption", {}, el("span", { textContent: name, title: name }),
    el("small", { textContent: sure === undefined ? "\u00a0" : fill(words.sure, percent(sure)) }), el("small", { className: "mark", textContent: right ? words.recognised : "\u00a0" })));
}

async function drawHeldNow(page) {
  const { parts, data } = page;
  page.drawing = true;
  parts.draw.disabled = true;
  problem(parts.heldProblem, "");
  let ended = "";
  try {
    for (const model of holders(page).filter((one) => !page.held[one.name])) {
      const row = parts.rows[holders(page).indexOf(model)], { classes } = data.datasets[model.dataset];
      const answer = await watched(page, parts.heldProgress, [model.name, ...(model.judge ? [model.judge] : [])], "hold", {}, (at) =>
        row.tiles.querySelectorAll("img").forEach((one, i) => i < classes.length && (one.src = png(at.pictures[i]))));
      if (!answer?.held) { ended = answer ? fill(data.words.held_stopped, answer.step, answer.steps) : data.words.again; break; }
      page.held[model.name] = answer.held;
    }
  } catch (error) {
    problem(parts.heldProblem, error.message);
  }
  page.drawing = false;
  showHeld(page);
  rest(parts.heldProgress, ended);
}

function chooseHolder(page, i, name) {
  const { data, state } = page, chosen = [...state.holders];
  chosen[i] = name;
  const model = data.models.find((one) => one.name === name);
  if (i === 0 && model.dataset !== data.models.find((one) => one.name === state.holders[1])?.dataset) chosen[1] = "";
  state.holders = chosen;
  page.parts.heldProgress.end.press?.();
  showHeld(page);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".frontier-rebuilt"), style = getComputedStyle(root);
  root.style.setProperty("--leak", coloured("var(--st-chart-categorical-colors,2)", style));
  root.style.setProperty("--attacked", coloured("var(--st-chart-categorical-colors,1)", style));
  document.body.dataset.frontier = "seen"; // from now on a lost connection is worth a word
  lendColours(style);
  if (root.page) {
    root.page.data = data;
    return undefined;
  }
  const pool = usualImages(data, data.example.dataset), attack = data.attacks[0].name;
  const state = { dataset: data.example.dataset, attack, network: data.example.networks[attack], count: 1, pool, images: pool.slice(0, 1),
    bound: data.bounds.length - 1, noise: 0, holders: [...data.holders] };
  const page = { root, data, state, parts: {}, pairs: [], known: new Map(), originals: new Map(), held: { ...data.held }, start: 0, running: "", drawing: false };
  page.choose = (chosen) => chooseAll(page, chosen);
  page.moved = (name, at) => { page.halt(); state[name] = at; showAll(page); };
  page.halt = () => { if (page.running) page.parts.progress.end.press?.(); };
  page.run = () => rebuildNow(page);
  page.turn = (by) => { page.start = Math.max(0, page.start + by * TESTS); showTestImages(page); };
  page.hold = (i, name) => chooseHolder(page, i, name);
  page.drawHeld = () => drawHeldNow(page);
  root.page = page;
  learnShipped(page);
  makePage(page);
  showAll(page);
  showTestImages(page);
  showHeld(page);
  root.dataset.drawn = "true";
  return () => { page.halt(); page.parts.heldProgress.end.press?.(); root.page = undefined; };
}
