// What the shop keeps in the browser; without storage it keeps nothing, and goes on.

export const read = (key, fallback, storage = "localStorage") => {
  try {
    return JSON.parse(window[storage].getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
};

// Nothing, `null`, takes away what was there.
export const write = (key, value, storage = "localStorage") => {
  try {
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, JSON.stringify(value));
  } catch {
    // The page shows what it has; the next one starts anew.
  }
};
