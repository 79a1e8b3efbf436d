// After plots.js. Draws plotly figures into <figure>s that stay: Plotly.react updates them, so zoom, legend and hover survive.
const PAUSE = 120; // ms that the mark rests before the server is told: it writes the sentence and the link

shared.escape ??= document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector(".st-key-leave button")?.click();
}) ?? true;

// Everything that is measured in pixels, larger: for a screen that is looked at from afar and has the room.
const ROOMY = 900; // px
const LENGTHS = new Set(["size", "height", "l", "r", "t", "b", "width", "ax", "ay", "standoff", "arrowwidth", "thickness", "maxheight", "entrywidth", "xshift", "yshift"]);

// As high as the window allows beside question, finding and provenance.
const tall = () => Math.min(2.2, Math.max(1, (window.innerHeight - 350) / 300));

function enlarged(value, factor, name) {
  if (typeof value === "number") return LENGTHS.has(name) ? value * factor : value;
  if (Array.isArray(value)) return value.map((item) => enlarged(item, factor));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, enlarged(item, factor, key)]));
}

function makeFigure(root) {
  const figure = document.createElement("figure");
  const plot = document.createElement("div");
  plot.className = "plot";
  plot.setAttribute("role", "img");
  figure.append(plot);
  root.append(figure);
  new ResizeObserver(() => { if (plot.data && plot.clientWidth) window.Plotly.Plots.resize(plot); }).observe(figure);
  return { figure, plot, mark: null, drawn: "" };
}

async function draw(root, i, style) {
  const slot = root.slots[i], chart = root.latest.charts[i];
  const scale = root.latest.large && root.clientWidth >= ROOMY ? tall() : 1;
  const { data, layout } = enlarged(coloured(atMark(root, chart), style), scale);
  slot.plot.setAttribute("aria-label", chart.alt);
  const shown = { ...layout, uirevision: root.latest.keep };
  const text = JSON.stringify([data, shown]);
  if (text !== slot.drawn) {
    slot.drawn = text;
    const config = { displaylogo: false, responsive: false, showTips: false, displayModeBar: window.innerWidth < 700 ? false : "hover", modeBarButtons: [["resetScale2d"]] };
    const first = !slot.plot.data;
    const hovered = slot.hovered;
    await window.Plotly.react(slot.plot, data, shown, config);
    if (first) listen(root, slot);
    else if (hovered) hoverAgain(slot, hovered);
    slot.plot.dataset.updates = Number(slot.plot.dataset.updates ?? 0) + 1;
  }
  if (chart.stops.length > 0) placeMark(root, slot, chart, shown);
  else if (slot.mark) { slot.mark.remove(); slot.mark = slot.place = null; slot.stops = []; }
}

// What a chart shows where the mark of another one stands now: all its places are here, so no server is asked.
function atMark(root, chart) {
  const marked = root.slots.find((slot) => slot.stops?.length);
  return chart.at_mark[marked ? index(marked) : -1] ?? chart.figure;
}

function redrawFollowers(root) {
  const style = getComputedStyle(root);
  root.latest.charts.forEach((chart, i) => { if (chart.at_mark.length) draw(root, i, style); });
}

function listen(root, slot) {
  slot.plot.on("plotly_click", ({ points: [point] }) => {
    if (root.latest.opens && point?.customdata) root.open([point.customdata].flat()[0]);
  });
  slot.plot.on("plotly_hover", ({ points: [point] }) => { slot.hovered = { line: point.data.uid, x: point.x }; });
  slot.plot.on("plotly_unhover", () => { slot.hovered = null; });
  slot.plot.on("plotly_afterplot", () => slot.place?.());
}

// The point that was hovered over, wherever the new data have moved it: its label follows until the pointer moves.
// (Plotly hovers anew where the pointer rests, which says that nothing is hovered over once the point has moved away.)
function hoverAgain(slot, hovered) {
  const curveNumber = slot.plot.data.findIndex((one) => one.uid === hovered.line);
  const pointNumber = slot.plot.data[curveNumber]?.x.indexOf(hovered.x) ?? -1;
  if (pointNumber < 0) return;
  window.Plotly.Fx.hover(slot.plot, [{ curveNumber, pointNumber }], "xy");
  slot.hovered = hovered;
}

// The mark is a slider of its own: it can be dragged, or moved with the arrow keys.
function placeMark(root, slot, chart, layout) {
  if (!slot.mark) {
    slot.mark = makeMark(slot);
    slot.figure.append(slot.mark);
  }
  slot.stops = chart.stops;
  slot.moved = () => redrawFollowers(root);
  slot.report = root.report;
  // the server's word counts, unless it was said before it heard of the last move
  if (slot.kept !== root.latest.keep || chart.mark === slot.sent) slot.sent = null;
  slot.kept = root.latest.keep;
  if (!slot.dragging && !slot.telling && slot.sent === null) slot.at = chart.mark;
  slot.mark.style.color = layout.meta?.mark ?? "";
  slot.place = () => showMark(slot);
  slot.place();
}

function makeMark(slot) {
  const mark = document.createElement("div");
  mark.className = "mark";
  mark.tabIndex = 0;
  mark.setAttribute("role", "slider");
  mark.setAttribute("aria-label", "Attack strength shown in the other chart");
  mark.onpointerdown = (event) => { slot.dragging = true; mark.setPointerCapture(event.pointerId); event.preventDefault(); };
  mark.onpointermove = (event) => { if (slot.dragging) move(slot, nearest(slot, event)); };
  mark.onpointerup = mark.onpointercancel = () => { slot.dragging = false; };
  mark.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    move(slot, Math.min(slot.stops.length - 1, Math.max(0, index(slot) + step)));
  };
  return mark;
}

const index = (slot) => slot.stops.findIndex((stop) => stop.at === slot.at);

function nearest(slot, event) {
  const axis = slot.plot._fullLayout.xaxis;
  const x = axis.p2d(event.clientX - slot.plot.getBoundingClientRect().left - axis._offset);
  const distances = slot.stops.map((stop) => Math.abs(stop.at - x));
  return distances.indexOf(Math.min(...distances));
}

function move(slot, to) {
  if (slot.stops[to].at === slot.at) return;
  slot.at = slot.stops[to].at;
  showMark(slot);
  slot.moved();
  clearTimeout(slot.telling);
  slot.telling = setTimeout(() => { slot.telling = null; slot.sent = slot.at; slot.report(slot.at); }, PAUSE);
}

function showMark(slot) {
  const { xaxis, yaxis } = slot.plot._fullLayout ?? {};
  if (!xaxis || slot.at === null) { slot.mark.hidden = true; return; }
  const x = xaxis.d2p(slot.at);
  slot.mark.hidden = x < -1 || x > xaxis._length + 1;
  Object.assign(slot.mark.style, { left: `${xaxis._offset + x}px`, top: `${yaxis._offset}px`, height: `${yaxis._length}px` });
  const stop = slot.stops[index(slot)];
  slot.mark.setAttribute("aria-valuemin", slot.stops[0].at);
  slot.mark.setAttribute("aria-valuemax", slot.stops[slot.stops.length - 1].at);
  slot.mark.setAttribute("aria-valuenow", slot.at);
  slot.mark.setAttribute("aria-valuetext", stop?.said ?? "");
  slot.mark.title = stop?.said ?? "";
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".frontier-charts");
  root.slots ??= data.charts.map(() => makeFigure(root));
  root.dataset.charts = data.charts.length;
  root.latest = data;
  root.report = (at) => setStateValue("mark", at);
  root.open = (digest) => setTriggerValue("opened", digest);
  document.body.dataset.frontier = "seen"; // from now on a lost connection is worth a word
  lendColours(getComputedStyle(root));
  loadPlotly(data.plotly)
    .then(async () => {
      const style = getComputedStyle(root);
      for (const i of data.charts.keys()) {
        if (root.latest === data) await draw(root, i, style);
      }
      root.dataset.drawn = data.keep;
    })
    .catch((error) => {
      root.innerHTML = "<p class='failed'>The charts could not be drawn: reload the page.</p>";
      root.slots = undefined;
      console.error(error);
    });
  return () => {
    root.slots?.forEach((slot) => slot.plot.data && window.Plotly.purge(slot.plot));
  };
}
