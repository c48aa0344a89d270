// The tracker; where it cannot be loaded, one that does nothing: the shop works without.

const nothing = () => {};
const quiet = {init: nothing, consent: nothing, track: nothing, flush: nothing, on: nothing, slot: nothing};

export const aisle = await import("/aisle.mjs").then(
  (module) => module.default,
  () => quiet,
);
