// Every page of the shop begins here.

import {showCount} from "./cart.mjs";
import {startCart} from "./cart_page.mjs";
import {askConsent, choice} from "./consent.mjs";
import {closeOutside} from "./menu.mjs";
import {lastSeen, startProduct} from "./product_page.mjs";
import {openShelf, openShelves} from "./shelf.mjs";
import {aisle} from "./tracking.mjs";

const {kind, productId, query} = document.body.dataset;
const last = lastSeen();

closeOutside(document.querySelector("[data-menu]"));
showCount();
startProduct();
aisle.init({kind, productId, query, consent: choice(), searchParam: "q"});
askConsent();
openShelves();
startCart();

const again = document.querySelector('[data-later][data-placement="product"]');
if (again && last) openShelf(again, last);

const listed = document.querySelector("[data-listed]");
if (listed) aisle.track("view_item_list", {items: JSON.parse(listed.dataset.listed)});
