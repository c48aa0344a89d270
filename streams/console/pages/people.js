// Who was active last, without their ids.

import { h, replace } from "/console/assets/dom.js";
import { ago, count } from "/console/assets/numbers.js";

const built = new WeakSet();

/** List visitors; `open` is called with the one that is chosen. */
export function showPeople(element, told, { chosen, may, open }) {
  if (!built.has(element)) build(element, may, open);
  const list = element.querySelector("[data-list]");
  replace(list, told.visitors.map((one) => person(one, told.at_s, chosen)));
  element.querySelector("[data-none]").hidden = told.visitors.length > 0;
}

function build(element, may, open) {
  built.add(element);
  replace(
    element,
    h("h2", {}, "Active visitors"),
    may ? search(open) : null,
    h("p", { class: "note", "data-none": true }, "Nobody was active lately."),
    h("ul", { class: "people", "data-list": true }),
  );
}

function person(one, now, chosen) {
  const what = one.own ? "you" : one.simulated ? "simulated" : "";
  return h(
    "li",
    {},
    h(
      "a",
      { href: `#/visitors/${one.handle}`, "data-key": one.handle, "aria-current": one.handle === chosen ? "true" : null },
      h("span", { class: "mono" }, one.short),
      what ? h("span", { class: one.own ? "tag own" : "tag" }, what) : null,
      h("span", { class: "dim" }, `${count(one.events)} ev`),
      h("span", { class: "dim when" }, ago(Math.max(0, now - one.last_ms / 1000)).replace(" ago", "")),
    ),
  );
}

function search(open) {
  const said = h("p", { class: "note", role: "status" });
  const input = h("input", { id: "sought", name: "visitor", autocomplete: "off", spellcheck: "false", maxlength: "128", required: true, placeholder: "exact visitor id" });
  async function submit(submitted) {
    submitted.preventDefault();
    const answer = await fetch("/console/api/find", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ visitor_id: input.value.trim() }),
    });
    const told = await answer.json();
    said.textContent = answer.ok ? (told.active ? "" : "Not active lately: shown as soon as they are.") : "There is no such visitor.";
    if (answer.ok) open(told.handle);
    input.value = "";
  }
  return h(
    "form",
    { class: "search", role: "search", onsubmit: submit },
    h("label", { for: "sought", class: "vh" }, "Find a visitor by their exact id"),
    input,
    h("button", { class: "button", type: "submit" }, "Find"),
    said,
  );
}
