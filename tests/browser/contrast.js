// All visible text whose contrast with what is behind it is below 4.5 (WCAG 2.2 AA): [text, colour, ground, contrast].
// Icons are not text (3 is enough for them), and what is disabled is exempt.
() => {
  const parse = (said) => {
    const [r, g, b, a = 1] = said.match(/[\d.]+/g).map(Number);
    return said.startsWith("color(srgb") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a];
  };
  const over = (above, below) => [0, 1, 2].map((i) => above[i] * above[3] + below[i] * (1 - above[3])).concat(1);
  const linear = (part) => (part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const page = parse(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor);
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((below, above) => over(above, below), page);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, text = node.textContent.trim(), box = element.getBoundingClientRect();
    if (!text || box.width < 2 || box.height < 2) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest("[disabled], [aria-disabled=true], [data-testid=stIconMaterial], style, script")) continue;
    const style = getComputedStyle(element), behind = ground(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    const [high, low] = [luminance(over(parse(colour), behind)), luminance(behind)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) found.push([text.slice(0, 40), colour, behind.slice(0, 3).join(), contrast.toFixed(2)]);
  }
  return found;
}
