// What survives a page: the clicked item for the product's page, and events that could not be sent. Browsers may refuse
// storage. Only with consent is any of it touched, but to empty it.

const CLICK = ["sessionStorage", "aisle.click"];
const QUEUE = ["localStorage", "aisle.queue"];

const read = ([storage, key]) => {
  try {
    return JSON.parse(window[storage][key]);
  } catch {}
};

const write = ([storage, key], value) => {
  try {
    if (value) window[storage][key] = JSON.stringify(value);
    else delete window[storage][key];
    return true;
  } catch {}
};

// Events of the last day.
const load = () => (read(QUEUE) || []).filter((event) => Date.now() - Date.parse(event.at) < 864e5);

// The newest 200, as far as they fit into 100,000 characters.
const save = (events) => {
  while (events[200] || JSON.stringify(events).length > 1e5) events.shift();
  return write(QUEUE, events[0] && events);
};
