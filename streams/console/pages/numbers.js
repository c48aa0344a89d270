// Numbers and times as people read them.

/** Write a count with groups of three. */
export const count = (value) => (value ?? 0).toLocaleString("en-GB", { maximumFractionDigits: 0 });

/** Write a rate: one decimal below ten. */
export const rate = (value) =>
  value.toLocaleString("en-GB", { minimumFractionDigits: value < 10 ? 1 : 0, maximumFractionDigits: value < 10 ? 1 : 0 });

/** Write a share 0..1 in percent. */
export const percent = (share) => `${Math.round(share * 100)}%`;

/** Write milliseconds, seconds from a thousand on; a dash for none. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms >= 10000) return `${Math.round(ms / 1000)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(ms % 1 ? 1 : 0) : Math.round(ms)} ms`;
}

/** Say how long ago something was, from seconds. */
export function ago(seconds) {
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} d ago`;
}

/** Write a number with its sign. */
export const signed = (value, digits = 2) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

/** Write a price. */
export const price = (value) => (value === null || value === undefined ? "" : value.toFixed(2));

/** Round up to 1, 2 or 5 times a power of ten: where an axis ends. */
export function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

/** Write a time of day of ms since 1970. */
export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
