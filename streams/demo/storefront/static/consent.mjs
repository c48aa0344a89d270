// May the shop follow this visitor? Asked once, remembered, and changed in the footer.

import {read, write} from "./storage.mjs";
import {aisle} from "./tracking.mjs";

const KEY = "shop.consent";
const TOLD = {granted: "Personalisation is on.", refused: "Personalisation is off."};

const isRefusedByBrowser = () => Boolean(navigator.globalPrivacyControl) || navigator.doNotTrack === "1";

export const choice = () => {
  const chosen = read(KEY, "unknown");
  return chosen in TOLD ? chosen : "unknown";
};

export const isAllowed = () => choice() === "granted" && !isRefusedByBrowser();

export const askConsent = () => {
  const banner = document.querySelector("#consent");
  const told = document.querySelector("[data-consent-told]");
  const change = document.querySelector("[data-change-consent]");
  if (isRefusedByBrowser()) {
    told.textContent = "Your browser asks not to be followed, so you are not.";
    return;
  }
  const show = (isOpen) => {
    banner.hidden = !isOpen;
    change.hidden = isOpen;
    document.documentElement.classList.toggle("asking", isOpen);
    told.textContent = TOLD[choice()] ?? "";
  };
  banner.addEventListener("click", ({target}) => {
    const chosen = target.closest("[data-consent]")?.dataset.consent;
    if (!chosen) return;
    write(KEY, chosen);
    aisle.consent(chosen);
    show(false);
  });
  change.addEventListener("click", () => {
    show(true);
    banner.querySelector("button").focus();
  });
  show(choice() === "unknown");
};
