// Events go out in batches, at once where somebody waits for the answer; what fails is stored and sent again with the
// same ids, by one tab at a time.

let queue = []; // waits, for consent at first
let timings = [];
let sending = 0;
let isKnown; // an answer has come, so that the visitor's cookie is there
let failures = 0;
let pausedUntil = 0;

const address = (path) => settings.endpoint + "/v1/" + path;

// Two first batches at once would make two visitors.
const mustWait = () => sending && !isKnown;

const isPaused = () => Date.now() < pausedUntil || !navigator.onLine;

// No more than a request may carry that outlives its page.
const cut = (events) => {
  let size = 0;
  return events.filter((event, place) => (size += JSON.stringify(event).length) < 2e4 || !place);
};

const envelope = (events) =>
  JSON.stringify({
    sent_at: new Date(),
    consent: isGranted() ? "personalisation" : "none",
    events,
    timings: timings.splice(0, 100),
  });

// Keeps events to be sent again: where there is no storage, in memory. After a refusal only `forget` is.
const keep = (events) => {
  if (!isGranted()) events = events.filter((event) => event.name === "forget");
  if (events[0] && !(isGranted() && save([...load(), ...events]))) queue.unshift(...events);
};

const pause = (retryAfter) => {
  const wait = 1000 * (+retryAfter || Math.min(60, 2 ** failures++)) * (1 + Math.random());
  pausedUntil = Date.now() + wait;
  later(drain, wait + 1);
};

// Sends a batch and gives the events that must be sent again.
const post = async (events) => {
  sending++;
  try {
    const body = envelope(events);
    const asked = {method: "POST", body, credentials: "include", keepalive: body.length < 3e4};
    const response = await fetch(address("events"), asked).catch(() => ({status: 503}));
    const {status} = response;
    if (status > 499 || status === 429 || status === 408) {
      pause(response.headers?.get("Retry-After"));
      return events;
    }
    failures = 0;
    return judged(events, status, await response.json().catch(() => ({})));
  } finally {
    sending--;
    flush();
  }
};

const judged = (events, status, {accepted, rejected = []}) => {
  if (status > 299 || rejected[0]) tell("rejected", {status, rejected, events});
  if (accepted) tell("sent", {accepted});
  if (accepted && !isKnown) {
    isKnown = isGranted();
    drain();
    followSoon();
  }
  rejected = rejected.filter((one) => one.reason === "not_acknowledged");
  if (rejected[0]) pause();
  return rejected.map((one) => events[one.index]);
};

const flush = () => {
  if (!queue[0] || mustWait() || consent === "unknown") return;
  if (isPaused()) return keep(queue.splice(0));
  post(queue.splice(0, cut(queue).length)).then(keep).catch(fail);
  flush();
};

const record = (event) => {
  if (consent === "refused" || (!isGranted() && queue.length > 49)) return;
  queue.push(event);
  later(flush); // with what is tracked beside it
};

const sendStored = async () => {
  const batch = cut(load());
  if (!batch[0] || isPaused()) return;
  const again = await post(batch);
  const ids = batch.map((event) => event.event_id);
  save(load().filter((event) => !ids.includes(event.event_id)));
  keep(again);
  return sendStored();
};

const drain = safe(async () => {
  flush();
  if (mustWait() || !isGranted()) return;
  const {locks} = navigator;
  await (locks ? locks.request("aisle", {ifAvailable: true}, (lock) => lock && sendStored()) : sendStored());
});

// The page goes: what is left goes as a beacon, or is stored where that cannot be.
const sendLast = () => {
  const rest = queue.splice(0);
  if (!rest[0] || consent === "unknown") return;
  if (isPaused() || mustWait() || !navigator.sendBeacon(address("events"), envelope(rest))) keep(rest);
};
