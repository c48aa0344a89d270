// Elements made of text: nothing a shop wrote is ever read as HTML.

export const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

export const money = (amount, currency) => {
  try {
    return new Intl.NumberFormat("en-GB", {style: "currency", currency}).format(amount);
  } catch {
    return `${currency ?? ""} ${amount.toFixed(2)}`.trim();
  }
};

// A title without the brand it begins with.
export const nameOf = (title, brand) => (brand && title.startsWith(`${brand} `) ? title.slice(brand.length + 1) : title);

// Only this shop's own addresses are followed, whatever a catalogue says.
export const ownAddress = (address, instead) => {
  const url = new URL(address || instead, location.href);
  return url.origin === location.origin ? url.pathname + url.search : instead;
};
