// Nothing thrown in here reaches the page: whatever it calls, and whatever it waits for, runs through `safe`.

const listeners = {};
let isFailing;

const tell = (type, detail) => listeners[type]?.forEach((listener) => listener(detail));

const fail = (error) => {
  console.debug("aisle", error);
  if (isFailing) return; // a listener for errors that throws
  isFailing = true;
  tell("error", error);
  isFailing = false;
};

const safe = (run) => (...args) => {
  try {
    const result = run(...args);
    result?.catch?.(fail);
    return result;
  } catch (error) {
    fail(error);
  }
};

const later = (run, ms) => setTimeout(safe(run), ms);

const listen = (types, run, target = window) =>
  types.split(" ").forEach((type) => target.addEventListener(type, safe(run), true));

const now = () => performance.now();

const settings = {
  endpoint: "",
  searchParam: "q",
  heartbeatMs: 10000,
  minVisitMs: 5000,
  seenMs: 1000, // half visible for so long is an impression, and so long it waits for others
  pollMs: 30000, // where there is no stream
};

let consent = "unknown";
let view; // the page view; none before `init`
let early = []; // calls before it

const whenStarted = (run) =>
  safe((...args) => {
    if (view) run(...args);
    else early.push(() => run(...args));
  });

const isGranted = () => consent === "granted";

const isRefusedByBrowser = navigator.globalPrivacyControl || navigator.doNotTrack === "1";
