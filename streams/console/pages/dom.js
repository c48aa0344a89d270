// Elements out of plain values: text becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Make an element of HTML; `on...` attributes are listeners, `--...` custom properties. */
export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);

/** Make an element of SVG. */
export const s = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

/** Make a drawing of so many units; `label` is what it says to who does not see it. */
export function drawing(width, height, label, ...children) {
  const box = { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label };
  return s("svg", box, ...children);
}

/** Put other children into an element; what had the focus, or was scrolled, keeps it by its `data-key`. */
export function replace(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const scrolled = new Map();
  for (const one of element.querySelectorAll("[data-scroll]")) scrolled.set(one.dataset.scroll, one.scrollLeft);
  const open = new Set([...element.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const one of element.querySelectorAll("[data-scroll]")) one.scrollLeft = scrolled.get(one.dataset.scroll) ?? 0;
  for (const one of element.querySelectorAll("details")) one.open = one.open || open.has(one.dataset.key);
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** Make a card with a heading and what is said beside it. */
export function card(title, beside, ...children) {
  const head = h("header", {}, h("h2", {}, title), beside ? h("p", {}, beside) : null);
  return h("section", { class: "card" }, head, ...children);
}
