// Send one `view_item` per visitor; print where the broker keeps each, as JSON: node producer.js PRODUCT VISITOR...
import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";

const topic = (process.env.AISLE_TOPIC_PREFIX ?? "") + "clickstream.events";
const brokers = (process.env.KAFKA_BOOTSTRAP_SERVERS ?? "localhost:9092").split(",");
const [product, ...visitors] = process.argv.slice(2);

const viewItem = (visitor) => ({
  schema_version: "1.0",
  event_id: randomUUID(),
  name: "view_item",
  visitor_id: visitor,
  at: new Date().toISOString(),
  items: [{ product_id: product }],
  consent: "personalisation", // only where the visitor gave it; without, the event leaves no trace
});

const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.ERROR });
// DefaultPartitioner is Java's murmur2 of the key; LegacyPartitioner puts visitors where nobody looks for them.
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
await producer.connect();
for (const visitor of visitors) {
  const messages = [{ key: visitor, value: JSON.stringify(viewItem(visitor)) }];
  const [kept] = await producer.send({ topic, acks: -1, messages }); // rejects unless acknowledged
  console.log(JSON.stringify({ partition: kept.partition, offset: Number(kept.baseOffset) }));
}
await producer.disconnect();
