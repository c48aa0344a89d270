// The page: which view is shown, and the streams that feed it.

import { showFigures } from "/console/assets/figures.js";
import { showPeople } from "/console/assets/people.js";
import { Stream } from "/console/assets/stream.js";
import { VisitorView } from "/console/assets/visitor.js";

const at = (id) => document.getElementById(id);
const RENEW_MS = 4 * 60 * 1000;

const state = { me: undefined, figures: undefined, handle: undefined };
const visitor = new VisitorView(at("visitor"), {
  may: () => state.me?.role === "operate",
  say: (text) => (at("said").textContent = text),
  live,
});

function live(how) {
  at("live").dataset.state = how;
  at("live-text").textContent = { live: "live", lost: "not connected: trying again" }[how] ?? "connecting";
}

/** Ask who is logged in, which also renews the cookie; whoever is nobody any more gets the form. */
async function renew() {
  const answer = await fetch("/console/api/me").catch(() => undefined);
  if (answer?.status === 401) return location.reload();
  if (!answer?.ok) return undefined;
  state.me = await answer.json();
  at("who").textContent = state.me.open ? "open to all on this machine" : `${state.me.name} (${state.me.role})`;
  at("logout").hidden = state.me.open;
  return state.me;
}

const figures = new Stream("/console/api/figures/stream", {
  take(told) {
    state.figures = told;
    draw();
  },
  live,
  lost: renew,
});

function route() {
  const [, view, handle] = location.hash.split("/");
  const visitors = view === "visitors";
  state.handle = visitors ? handle || undefined : undefined;
  at("figures").hidden = visitors;
  at("visitors").hidden = !visitors;
  at("to-figures").toggleAttribute("aria-current", !visitors);
  at("to-visitors").toggleAttribute("aria-current", visitors);
  document.title = `${visitors ? "Visitors" : "Installation"} · aisle console`;
  visitor.show(state.handle);
  at("visitors").dataset.chosen = state.handle ? "yes" : "no";
  draw();
}

function draw() {
  if (!state.figures) return;
  if (!at("figures").hidden) showFigures(at("figures"), state.figures);
  else showPeople(at("people"), state.figures, { chosen: state.handle, may: state.me?.role === "operate", open });
}

function open(handle) {
  location.hash = `#/visitors/${handle}`;
}

document.addEventListener("visibilitychange", () => {
  figures.look(!document.hidden);
  visitor.look(!document.hidden);
});
window.addEventListener("hashchange", route);
setInterval(() => document.hidden || renew(), RENEW_MS);

await renew();
figures.look(true);
route();
