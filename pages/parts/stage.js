// The plane of all images of two pixels: what a model makes of it, and one image on its way. 1000 units a side.
const SVG = "http://www.w3.org/2000/svg", SIDE = 1000, STRIDE = 6, ARROW = 105;

function svg(parent, tag, attributes = {}) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

const up = (y) => SIDE - y; // the plane's y points upwards
const outline = (pieces) => {
  let said = "";
  for (let i = 0; i < pieces.length; i += 4) said += `M${pieces[i]} ${up(pieces[i + 1])}L${pieces[i + 2]} ${up(pieces[i + 3])}`;
  return said;
};

// The places of a path as objects, and whether it ends misread.
function placesOf(path) {
  const places = [];
  for (let i = 1; i < path.length; i += STRIDE) {
    const [x, y, angle, belief, aimX, aimY] = path.slice(i, i + STRIDE);
    places.push({ x, y, angle, belief, aimX, aimY });
  }
  return { misread: path[0] === 1, places };
}

function rgb(colour) {
  const probe = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data;
}

// Class 0 in one tint, class 1 in the other, and none where the model cannot say: one pixel for each point of the grid.
function paintHeat(canvas, heat, tints) {
  const n = Math.round(Math.sqrt(heat.length)), context = canvas.getContext("2d");
  canvas.width = canvas.height = n;
  const image = context.createImageData(n, n);
  heat.forEach((percent, i) => {
    const at = 4 * ((n - 1 - Math.floor(i / n)) * n + (i % n)), [r, g, b] = tints[percent > 50 ? 1 : 0].colour;
    const strength = Math.abs(percent - 50) / 50, most = tints[percent > 50 ? 1 : 0].most;
    image.data.set([r, g, b, Math.round(255 * most * strength)], at);
  });
  context.putImageData(image, 0, 0);
  canvas.style.setProperty("--n", n);
}

function makePlane(parent, name) {
  const plane = document.createElement("div"), heat = document.createElement("canvas");
  plane.className = `plane ${name}`;
  const view = document.createElementNS(SVG, "svg");
  view.setAttribute("viewBox", `0 0 ${SIDE} ${SIDE}`);
  view.setAttribute("aria-hidden", "true");
  plane.append(heat, view);
  parent.append(plane);
  return { plane, heat, view };
}

// The large plane: layers from the back to the front.
function makeStage(parent, data) {
  const stage = makePlane(parent, "large"), { view } = stage;
  const layer = (name, tag = "g", attributes = {}) => (stage[name] = svg(view, tag, { class: name, ...attributes }));
  arrowHeads(svg(view, "defs"));
  layer("others");
  layer("boundary", "path");
  layer("points");
  layer("ball");
  stage.dots = data.points.map(([x, y, label]) => mark(stage.points, x, y, label, 11));
  layer("chosen");
  layer("walked", "path");
  layer("single", "path");
  layer("aim", "path", { "marker-end": "url(#frontier-aim)" });
  layer("back", "path");
  layer("gradient", "path", { "marker-end": "url(#frontier-gradient)" });
  layer("steps");
  layer("now");
  return stage;
}

function arrowHeads(defs) {
  for (const name of ["gradient", "aim"]) {
    const head = svg(defs, "marker", { id: `frontier-${name}`, viewBox: "0 0 10 10", refX: 8, refY: 5, markerWidth: 5, markerHeight: 5, orient: "auto-start-reverse" });
    svg(head, "path", { d: "M0 0L10 5L0 10z", class: `head-${name}` });
  }
}

function mark(parent, x, y, label, size) {
  if (label === 0) return svg(parent, "circle", { cx: x, cy: up(y), r: size, class: "circle" });
  return svg(parent, "rect", { x: x - size * 0.9, y: up(y) - size * 0.9, width: 1.8 * size, height: 1.8 * size, class: "square" });
}

// What the model makes of the plane: drawn anew when another model is chosen, or the theme changes.
function showModel(stage, model, tints) {
  paintHeat(stage.heat, model.heat, tints);
  stage.boundary.setAttribute("d", outline(model.boundary));
  stage.others.replaceChildren();
  for (const pieces of model.others) svg(stage.others, "path", { d: outline(pieces) });
}

function showBall(stage, [x, y], eps, norm) {
  stage.ball.replaceChildren();
  const shape = norm === "linf"
    ? svg(stage.ball, "rect", { x: x - eps, y: up(y) - eps, width: 2 * eps, height: 2 * eps })
    : svg(stage.ball, "circle", { cx: x, cy: up(y), r: eps });
  shape.setAttribute("class", "frame");
}

// One image after some steps: where it has been, where it is, and where the next step aims and ends.
function showWay(stage, data, image, { places, misread }, step, single) {
  const [x, y, label] = data.points[image], here = places[step], next = places[step + 1];
  stage.dots.forEach((dot, i) => dot.classList.toggle("away", i === image));
  stage.chosen.replaceChildren();
  mark(stage.chosen, x, y, label, 15);
  const been = places.slice(0, step + 1);
  stage.walked.setAttribute("d", been.map((place, i) => `${i ? "L" : "M"}${place.x} ${up(place.y)}`).join(""));
  stage.steps.replaceChildren();
  for (const place of been.slice(1, -1)) svg(stage.steps, "circle", { cx: place.x, cy: up(place.y), r: 6 });
  const turn = (here.angle * Math.PI) / 180, reads = !(misread && !next);
  const line = (shown, ...ends) => (shown ? `M${ends[0]} ${up(ends[1])}L${ends[2]} ${up(ends[3])}` : "");
  stage.gradient.setAttribute("d", line(reads, here.x, here.y, here.x + ARROW * Math.cos(turn), here.y + ARROW * Math.sin(turn)));
  const far = next && Math.hypot(here.aimX - here.x, here.aimY - here.y) > 8;
  stage.aim.setAttribute("d", line(far, here.x, here.y, here.aimX, here.aimY));
  stage.back.setAttribute("d", line(next && isBack(here, next), here.aimX, here.aimY, next?.x, next?.y));
  stage.single.setAttribute("d", `M${single[0]} ${up(single[1]) - 16}l16 16l-16 16l-16 -16z`);
  if (stage.label !== label) { stage.now.replaceChildren(); mark(stage.now, 0, SIDE, label, 15); stage.label = label; }
  stage.now.style.transform = `translate(${here.x}px, ${up(here.y)}px)`;
  stage.now.classList.toggle("misread", misread && !next);
}

const isBack = (here, next) => Math.hypot(here.aimX - next.x, here.aimY - next.y) > 2;

// A model in small: its plane, the frame, and where its attack ends.
function makeMini(parent) {
  const mini = makePlane(parent, "small");
  mini.boundary = svg(mini.view, "path", { class: "boundary" });
  mini.frame = svg(mini.view, "g", { class: "ball" });
  mini.walked = svg(mini.view, "path", { class: "walked" });
  mini.end = svg(mini.view, "circle", { r: 34, class: "end" });
  return mini;
}

function showMini(mini, model, path, point, eps, norm) {
  mini.boundary.setAttribute("d", outline(model.boundary));
  showBall({ ball: mini.frame }, point, eps, norm);
  const { places, misread } = placesOf(path), end = places[places.length - 1];
  mini.walked.setAttribute("d", places.map((place, i) => `${i ? "L" : "M"}${place.x} ${up(place.y)}`).join(""));
  mini.end.setAttribute("cx", end.x);
  mini.end.setAttribute("cy", up(end.y));
  mini.end.classList.toggle("misread", misread);
}
