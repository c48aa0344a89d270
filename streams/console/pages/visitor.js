// A visitor's view: the session as it builds, and why their slates are what they are.

import { h, replace } from "/console/assets/dom.js";
import { ago, count } from "/console/assets/numbers.js";
import { sessionCards } from "/console/assets/session.js";
import { shelfCards } from "/console/assets/shelf.js";
import { Stream } from "/console/assets/stream.js";

export class VisitorView {
  /** `may` tells whether ids may be revealed, `say` speaks to screen readers, `live` shows how the connection is. */
  constructor(element, { may, say, live }) {
    Object.assign(this, { element, may, say, live });
    this.revealed = new Map();
    this.looking = true;
  }

  /** Show a visitor, or none. */
  show(handle) {
    if (handle === this.handle && this.element.firstChild) return;
    this.handle = handle;
    this.shelf = this.told = this.item = undefined;
    this.listen();
    this.draw();
  }

  /** Listen while the page is looked at. */
  look(wanted) {
    this.looking = wanted;
    this.listen();
  }

  listen() {
    this.stream?.look(false);
    this.stream = undefined;
    if (!this.handle || !this.looking) return;
    const query = this.shelf ? `?shelf=${encodeURIComponent(this.shelf)}` : "";
    this.stream = new Stream(`/console/api/visitors/${this.handle}/stream${query}`, {
      take: (told) => this.take(told),
      live: this.live,
      lost: () => this.gone(),
    });
    this.stream.look(true);
  }

  async gone() {
    const answer = await fetch(`/console/api/visitors/${this.handle}`).catch(() => undefined);
    if (answer?.status === 404) this.take({ refused: (await answer.json()).detail });
  }

  take(told) {
    const before = this.told?.shelves?.[0]?.slate_id;
    this.told = told;
    const newest = told.shelves?.[0];
    if (newest && before && newest.slate_id !== before) this.say(`New slate: ${newest.placement}`);
    this.draw();
  }

  choose(shelf) {
    this.shelf = shelf;
    this.item = undefined;
    this.listen();
    this.draw();
  }

  select(product) {
    this.item = product;
    this.draw();
  }

  async reveal() {
    const handle = this.handle;
    const answer = await fetch(`/console/api/visitors/${handle}/reveal`, { method: "POST" });
    if (answer.ok) this.revealed.set(handle, (await answer.json()).visitor_id);
    this.draw();
  }

  draw() {
    const { element, told } = this;
    if (!this.handle) return replace(element, h("p", { class: "notice empty" }, "Choose a visitor: the picture grows while they browse."));
    if (!told) return replace(element, h("p", { class: "note" }, "Reading…"));
    if (told.refused) return replace(element, h("p", { class: "notice warned" }, told.refused));
    replace(element, this.head(told), this.notices(told), sessionCards(told), shelfCards(told, this));
  }

  head({ visitor, segment, intents }) {
    const id = this.revealed.get(this.handle);
    const reveal = h("button", { class: "button", type: "button", "data-key": "reveal", onclick: () => this.reveal() }, "Reveal id");
    return h(
      "header",
      { class: "visitor-head" },
      h("a", { href: "#/visitors", class: "back" }, "All visitors"),
      h("h1", { class: "mono" }, id ?? visitor.short),
      id || !this.may() ? null : reveal,
      h("p", { class: "note" }, `${count(visitor.events_read)} events read · partition ${visitor.partition} · last ${ago((Date.now() - visitor.last_ms) / 1000)}`),
      segment ? h("p", { class: "chips" }, chip("segment", segment), intents.map((intent) => chip("intent", intent))) : null,
    );
  }

  notices({ why_not: why, unlearned, ready }) {
    return [
      why ? h("p", { class: "notice" }, why) : null,
      ready && unlearned
        ? h("p", { class: "notice warned" }, `The model here lacks ${count(unlearned)} steps that are no longer in the log: slates may come out otherwise than the workers decided them.`)
        : null,
    ];
  }
}

function chip(name, value) {
  return h("span", { class: "chip" }, h("span", { class: "dim" }, name), " ", value);
}
