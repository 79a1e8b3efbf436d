// What all components with charts share: plotly, loaded once, and the colours of the reader's theme.
const shared = (window.__frontierCharts ??= {});

function loadPlotly(url) {
  return (shared.plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { shared.plotly = undefined; script.remove(); reject(new Error(url)); };
    document.head.append(script);
  }));
}

// Where a page was left while plotly loaded there is no theme any more, and nothing to be seen.
// var(--st-text-color) and var(--st-chart-categorical-colors,1) become the colours of the reader's theme
function coloured(value, style) {
  if (typeof value === "string") {
    const found = /^var\((--[\w-]+)(?:,(\d+))?\)$/.exec(value);
    if (!found) return value;
    const colour = style.getPropertyValue(found[1]).trim();
    return found[2] === undefined ? colour : colour.split(/,(?![^(]*\))/)[Number(found[2])]?.trim() ?? "";
  }
  if (Array.isArray(value)) return value.map((item) => coloured(item, style));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, coloured(item, style)]));
  }
  return value;
}

// Streamlit gives the theme to components only: the rest of the page (frontier.css) borrows it here.
function lendColours(style) {
  for (const name of ["text-color", "background-color", "border-color", "primary-color"]) {
    document.body.style.setProperty(`--frontier-${name}`, style.getPropertyValue(`--st-${name}`));
  }
}
