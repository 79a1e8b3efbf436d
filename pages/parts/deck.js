// After plots.js. Sliders with everything they can show: a move asks no server, so it is answered in the next frame.
function makeDeck(root, data) {
  const part = (tag, name) => Object.assign(document.createElement(tag), { className: name });
  const deck = { at: data.sliders.map((slider) => slider.at), inputs: [], charts: [], pictures: [] };
  const [sliders, plots, pictures] = ["sliders", "plots", "pictures"].map((name) => part("div", name));
  deck.sentence = part("p", "sentence");
  deck.sentence.setAttribute("aria-live", "polite");
  data.sliders.forEach((slider, i) => deck.inputs.push(makeSlider(root, deck, sliders, slider, i)));
  for (const _ of data.charts) deck.charts.push(makePlot(plots));
  for (const _ of data.pictures) deck.pictures.push(makePicture(pictures));
  const walls = data.walls.map((wall) => makeWall(deck, wall));
  root.replaceChildren(sliders, deck.sentence, plots, pictures, ...walls);
  return deck;
}

function makeSlider(root, deck, parent, slider, i) {
  const label = document.createElement("label"), name = document.createElement("span");
  const said = document.createElement("output"), input = document.createElement("input");
  Object.assign(input, { type: "range", min: 0, step: 1 });
  label.append(name, said, input);
  parent.append(label);
  input.oninput = () => { deck.at[i] = Number(input.value); show(root, deck); };
  input.onchange = () => root.report([...deck.at]);
  return { name, said, input };
}

function makePlot(parent) {
  const figure = document.createElement("figure"), plot = document.createElement("div");
  plot.className = "plot";
  plot.setAttribute("role", "img");
  figure.append(plot);
  parent.append(figure);
  new ResizeObserver(() => { if (plot.data && plot.clientWidth) window.Plotly.Plots.resize(plot); }).observe(figure);
  return { plot, drawn: "" };
}

function makeWall(deck, { heading, pictures }) {
  const wall = document.createElement("section"), head = document.createElement("h4"), row = document.createElement("div");
  head.textContent = heading;
  row.className = "pictures";
  for (const _ of pictures) deck.pictures.push(makePicture(row));
  wall.append(head, row);
  return wall;
}

function makePicture(parent) {
  const figure = document.createElement("figure"), image = new Image(), caption = document.createElement("figcaption");
  figure.append(image, caption);
  parent.append(figure);
  return { image, caption };
}

// What one part of the deck shows now: it holds one entry for each place of the sliders that it depends on.
function now(root, deck, { by, each }) {
  return each[by.reduce((place, i) => place * root.latest.sliders[i].said.length + deck.at[i], 0)];
}

const allPictures = ({ pictures, walls }) => [...pictures, ...walls.flatMap((wall) => wall.pictures)];

function show(root, deck) {
  const { sliders, charts, sentence } = root.latest;
  sliders.forEach((slider, i) => {
    const { name, said, input } = deck.inputs[i];
    input.max = slider.said.length - 1;
    deck.at[i] = Math.min(deck.at[i], slider.said.length - 1);
    input.value = deck.at[i];
    input.style.setProperty("--share", `${(100 * deck.at[i]) / Math.max(1, input.max)}%`);
    name.textContent = slider.label;
    name.title = slider.help;
    said.textContent = slider.said[deck.at[i]];
    input.setAttribute("aria-label", slider.label);
    input.setAttribute("aria-valuetext", slider.said[deck.at[i]]);
  });
  deck.sentence.innerHTML = now(root, deck, sentence);
  allPictures(root.latest).forEach((picture, i) => {
    const { src, alt, said, opacity = 1 } = now(root, deck, picture);
    Object.assign(deck.pictures[i].image, { src, alt });
    deck.pictures[i].image.style.opacity = opacity;
    deck.pictures[i].caption.textContent = said;
  });
  const style = getComputedStyle(root);
  charts.forEach((chart, i) => draw(deck.charts[i], now(root, deck, chart), style));
  root.dataset.at = deck.at.join(",");
}

function draw(slot, { figure, alt }, style) {
  slot.plot.setAttribute("aria-label", alt);
  const { data, layout } = coloured(figure, style), text = JSON.stringify([data, layout]);
  if (text === slot.drawn) return;
  slot.drawn = text;
  window.Plotly.react(slot.plot, data, layout, { displaylogo: false, responsive: false, displayModeBar: false });
  slot.plot.dataset.updates = Number(slot.plot.dataset.updates ?? 0) + 1;
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".frontier-deck");
  const shape = JSON.stringify([data.keep, data.sliders.length, data.charts.length, data.pictures.length, data.walls.map((wall) => [wall.heading, wall.pictures.length])]);
  root.latest = data;
  root.report = (at) => setStateValue("at", at);
  document.body.dataset.frontier = "seen"; // from now on a lost connection is worth a word
  lendColours(getComputedStyle(root));
  loadPlotly(data.plotly)
    .then(() => {
      if (root.shape !== shape) root.deck = makeDeck(root, data);
      root.shape = shape;
      show(root, root.deck);
      root.dataset.drawn = data.keep;
    })
    .catch((error) => {
      root.innerHTML = "<p class='failed'>The charts could not be drawn: reload the page.</p>";
      root.shape = undefined;
      console.error(error);
    });
  return () => {
    root.deck?.charts.forEach(({ plot }) => plot.data && window.Plotly.purge(plot));
    root.shape = undefined;
  };
}
