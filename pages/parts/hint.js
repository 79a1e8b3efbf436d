// Shown until it is dismissed in this browser, for good.
const NAME = "frontier-hint-read";

function read() {
  try { return localStorage.getItem(NAME) === "1"; } catch { return false; }
}

export default function ({ data, parentElement }) {
  const hint = parentElement.querySelector(".frontier-hint");
  hint.querySelector("p").textContent = data.text;
  hint.querySelector("button").onclick = () => {
    try { localStorage.setItem(NAME, "1"); } catch { /* a browser that keeps nothing asks again */ }
    hint.hidden = true;
  };
  hint.hidden = read();
}
