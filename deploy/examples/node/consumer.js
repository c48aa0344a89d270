// Print each slate a shop should show from now on, as JSON: node consumer.js [COUNT] ends after so many, or on Ctrl-C.
import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";

const topic = (process.env.AISLE_TOPIC_PREFIX ?? "") + "recommendations";
const brokers = (process.env.KAFKA_BOOTSTRAP_SERVERS ?? "localhost:9092").split(",");
const newest = new Map();
let left = Number(process.argv[2] ?? Infinity);

const after = (one, other) => {
  const place = one.findIndex((part, index) => part !== other[index]);
  return place >= 0 && one[place] > other[place];
};

// Keep, per visitor, placement and anchor, the slate with the greatest (cause epoch, cause offset, revision).
const isNew = (slate) => {
  if (!slate.schema_version.startsWith("1.") || Date.parse(slate.expires_at) <= Date.now()) return false;
  const shelf = JSON.stringify([slate.visitor_id, slate.placement, slate.anchor ?? null]);
  const order = [slate.cause.epoch ?? 0, slate.cause.offset, slate.revision ?? 0];
  if (!after(order, newest.get(shelf) ?? [-1, -1, -1])) return false;
  newest.set(shelf, order);
  return true;
};

const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.ERROR });
// A group of its own and no commits: whoever serves pages needs the slates of all visitors, from the oldest there is.
const consumer = kafka.consumer({ groupId: `storefront-${randomUUID()}`, maxWaitTimeInMs: 500 });
let stop;
const stopped = new Promise((resolve) => (stop = resolve));
process.once("SIGINT", stop);
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachMessage: async ({ message }) => {
    const slate = JSON.parse(message.value);
    if (left <= 0 || !isNew(slate)) return;
    const { visitor_id, placement, anchor = null, slate_id, revision = 0 } = slate;
    const products = slate.items.map((item) => item.product_id); // the second half are reserves
    console.log(JSON.stringify({ visitor_id, placement, anchor, slate_id, revision, products }));
    left -= 1;
    if (left <= 0) stop();
  },
});
await stopped;
await consumer.disconnect();
