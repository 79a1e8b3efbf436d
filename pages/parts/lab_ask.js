// What the lab asks of the server: pictures as JSON, so that no script runs for a slider's move.
const VISITOR = crypto.randomUUID?.() ?? `v${Math.random().toString(36).slice(2)}`;
const KEPT = "frontier-lab"; // in this tab: the link of where the page was left

async function ask(lab, what, more) {
  let answer;
  try {
    const body = JSON.stringify({ what, visitor: VISITOR, models: lab.chosen(), ...more });
    answer = await fetch(lab.data.ask, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    answer = await answer.json();
  } catch {
    answer = { problem: lab.data.words.failed };
  }
  if (answer.problem) throw new Error(answer.problem);
  return answer.answer; // undefined: a newer question took its place
}

function attacked(lab) {
  const { picture, attack, norm, eps, steps, seed } = lab.state;
  return { picture, attack, norm, eps, steps, seed };
}

// The picture at the slider's place: one question at a time, and always the newest; then what takes longer.
async function refresh(lab, everything) {
  lab.everything ||= everything;
  lab.wanted += 1;
  if (lab.busy) return;
  lab.busy = true;
  let answer;
  try {
    while (lab.answered !== lab.wanted) {
      const number = lab.wanted, asked = attacked(lab);
      answer = await ask(lab, "tamper", asked);
      lab.answered = number;
      if (answer) await drawTampered(lab, answer, asked, number);
    }
    told(lab, "");
    later(lab, answer?.rough);
  } catch (error) {
    lab.answered = lab.wanted;
    told(lab, error.message);
  } finally {
    lab.busy = false;
  }
  keepLink(lab);
}

// What waits until the slider rests: the picture by the attack itself, the smallest strengths, the strip.
async function later(lab, rough) {
  const number = lab.wanted, everything = lab.everything;
  const stale = () => number !== lab.wanted || !lab.root.isConnected;
  if (rough) await new Promise((done) => setTimeout(done, 120));
  try {
    if (rough && !stale()) {
      const asked = attacked(lab), answer = await ask(lab, "tamper", { ...asked, refine: true });
      if (answer && !stale()) await drawTampered(lab, answer, asked, number);
    }
    if (!everything || stale()) return;
    searching(lab);
    const { eps, ...rest } = attacked(lab);
    const smallest = await ask(lab, "smallest", rest);
    if (!smallest || stale()) return;
    drawSmallest(lab, smallest);
    const strip = await ask(lab, "strip", rest);
    if (!strip || stale()) return;
    drawStrip(lab, strip);
    lab.everything = false;
    lab.root.dataset.complete = number;
  } catch (error) {
    if (!stale()) told(lab, error.message);
  }
}

function told(lab, sentence) {
  lab.parts.problem.textContent = sentence;
  lab.parts.problem.hidden = !sentence;
}

// --- the link: everything that is needed to see the same again
function link(lab) {
  const { picture, attack, norm, eps, steps, seed } = lab.state, said = new URLSearchParams();
  said.set("models", lab.chosen().join(","));
  if (picture.pixels && picture.pixels.length <= lab.data.most.linked * 4 / 3 + 4) {
    said.set("pixels", picture.pixels.replaceAll("+", "-").replaceAll("/", "_"));
    if (picture.label != null) said.set("label", picture.label);
  } else if (!picture.pixels) said.set("index", picture.index);
  for (const [name, value] of Object.entries({ attack, norm, eps, steps, seed })) said.set(name, value);
  return `?${said.toString().replaceAll("%2C", ",")}`;
}

function keepLink(lab) {
  clearTimeout(lab.keeping);
  lab.keeping = setTimeout(() => {
    if (!lab.root.isConnected || lab.path !== location.pathname) return;
    const said = link(lab);
    if (said !== location.search) history.replaceState(history.state, "", location.pathname + said);
    try { sessionStorage.setItem(KEPT, JSON.stringify(lab.state)); } catch { /* this tab keeps nothing */ }
  }, 300);
}

// Where the page was left in this tab; nothing when its models are gone.
function left(data) {
  try {
    const state = JSON.parse(sessionStorage.getItem(KEPT));
    const known = state.models.every((name) => data.models.some((model) => model.name === name));
    return known && data.attacks.some(({ name }) => name === state.attack) ? state : undefined;
  } catch { return undefined; }
}

// --- files
function base64(file) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(file);
  });
}

async function upload(lab, file) {
  const { words, most } = lab.data;
  if (!file) return;
  if (file.size > most.file) return told(lab, words.large);
  try {
    const answer = await ask(lab, "upload", { name: file.name.slice(0, 300), content: await base64(file) });
    if (answer) choose(lab, { pixels: answer.pixels, label: null });
  } catch (error) {
    told(lab, error.message);
  }
}

function inverted(pixels) {
  return btoa([...atob(pixels)].map((one) => String.fromCharCode(255 - one.charCodeAt(0))).join(""));
}

function save(name, content, kind) {
  const url = URL.createObjectURL(new Blob([content], { type: kind }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function saveNumbers(lab, kind) {
  try {
    const answer = await ask(lab, "numbers", attacked(lab));
    if (answer) save(`tampered-image.${kind}`, answer[kind], kind === "json" ? "application/json" : "text/csv");
  } catch (error) {
    told(lab, error.message);
  }
}
