// What is wrong with the boxes of the page as it stands: one line each.
() => {
  const wrong = [];
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && node.getClientRects().length > 0;
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const words = (node) => (node.getAttribute('aria-label') || node.textContent).trim().slice(0, 30);
  const say = (node, text) => wrong.push(`${node.tagName}.${node.className}#${node.id} "${words(node)}": ${text}`);
  const box = (node) => node.getBoundingClientRect();
  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`the page is ${document.documentElement.scrollWidth} px wide in ${innerWidth}`);
  for (const node of all('main, .sheet, .pane, .list-scroll, .wall-scroll, .bar, .filters, .rail')) {
    if (node.scrollWidth > node.clientWidth + 1) say(node, `scrolls sideways, ${node.scrollWidth} in ${node.clientWidth}`);
  }
  for (const node of all('.tile, .stage')) {
    const { width, height } = box(node);
    if (Math.abs(width / height - 16 / 9) > 0.03) say(node, `${width} x ${height} is not 16:9`);
    if (width < 100) say(node, `only ${width} px wide`);
  }
  for (const node of all('.event-card, .camera-card')) if (box(node).width < 150) say(node, `only ${box(node).width} px wide`);
  for (const node of all('button, a.button, a.item, a.brief, select, input:not([type=checkbox]), textarea, label.switch, summary')) {
    const { width, height } = box(node);
    if (Math.min(width, height) < 39.5) say(node, `a target of ${width.toFixed(1)} x ${height.toFixed(1)}`);
  }
  for (const node of all('button, a.button, h1, h2, .chip, .kind, .segments')) {
    if (node.scrollWidth > node.clientWidth + 1 && !node.matches('.ellipsis, .tile') && getComputedStyle(node).overflow !== 'hidden') say(node, 'its text runs over');
  }
  const groups = ['.tile', '.event-card', '.camera-card', '.rail .item', '.bar > *', '.filters > *', '.button', '.figure', '.tiles .card', 'main > .sheet > *', '.field'];
  for (const group of groups) {
    const nodes = all(group).filter((node) => !node.closest('.quiet, .secret') && !node.matches('.quiet'));
    nodes.forEach((one, at) => nodes.slice(at + 1).forEach((other) => {
      // What has been scrolled away under a bar is not an overlap.
      const place = (node) => node.closest('.bar, .rail, .list-area, .pane, main');
      if (one.contains(other) || other.contains(one) || place(one) !== place(other)) return;
      const [a, b] = [box(one), box(other)];
      const [x, y] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
      if (x > 1 && y > 1) say(one, `overlaps ${other.className} "${words(other)}" by ${x.toFixed(0)} x ${y.toFixed(0)}`);
    }));
  }
  for (const node of all('button, a, input, select, textarea')) {
    const name = node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.[0]?.textContent.trim() || node.title;
    if (!name) say(node, 'has no name for screen readers');
  }
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) wrong.push(`two elements have the id ${id}`);
  return wrong;
}
