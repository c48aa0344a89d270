// Engaged time as Snowplow counts it: heartbeats while the page is visible and the visitor did something within the
// last interval. `dwell_ms` is measured beside it, to the millisecond.

let hand = []; // where the pointer is
let activeMs = 0; // when the visitor last did something
let countedMs = 0; // up to when engaged time is counted
let wasVisible;
let engagedMs, pingedMs, scroll, pulseAt; // of this view; the last is the time of its last heartbeat
let heart;

const count = () => {
  const page = document.documentElement;
  const at = now();
  if (wasVisible) engagedMs += Math.max(0, Math.min(at, activeMs + settings.heartbeatMs) - countedMs);
  countedMs = at;
  wasVisible = !document.hidden;
  scroll = Math.min(1, Math.max(scroll, (scrollY + innerHeight) / page.scrollHeight));
};

const act = ({pointerType, clientX, clientY}) => {
  count();
  activeMs = now();
  if (pointerType) hand = [clientX, clientY];
};

const ping = (more) => {
  pingedMs = engagedMs;
  record(make("page_ping", {ping: {dwell_ms: Math.round(engagedMs), scroll}, ...more}));
};

const pulse = () => {
  count();
  const isActive = wasVisible && now() - activeMs < settings.heartbeatMs;
  if (!isActive || engagedMs < settings.minVisitMs - 20) return;
  ping();
  pulseAt = lastAt;
};

const beginEngagement = () => {
  engagedMs = pingedMs = scroll = pulseAt = 0;
  wasVisible = false;
  act({});
  clearTimeout(heart);
  heart = later(() => {
    heart = setInterval(safe(pulse), settings.heartbeatMs);
    pulse();
  }, settings.minVisitMs);
};

// The last word on a view. It is no heartbeat of its own, so it falls into that of the one before: the worker counts
// heartbeats. A visit too short for one is told by the gap to the next event.
const endView = () => {
  count();
  const isMore = engagedMs > pingedMs + 100 && engagedMs >= settings.minVisitMs;
  if (isMore) ping(pulseAt && {at: new Date(pulseAt + 1)});
  tellSeen();
};

const watchActivity = () => {
  listen("pointermove pointerdown pointerup keydown scroll", act);
  listen("visibilitychange", () => (document.hidden ? endView() : act({})));
};
