import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends one `view_item` per visitor; prints where the broker keeps each, as JSON: Producer.java PRODUCT VISITOR... */
public final class Producer {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static String viewItem(String visitor, String product) throws Exception {
        return JSON.writeValueAsString(Map.of(
            "schema_version", "1.0",
            "event_id", UUID.randomUUID().toString(),
            "name", "view_item",
            "visitor_id", visitor,
            "at", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString(),
            "items", List.of(Map.of("product_id", product)),
            // Only where the visitor gave it; without, the event leaves no trace.
            "consent", "personalisation"));
    }

    public static void main(String[] arguments) throws Exception {
        var topic = System.getenv().getOrDefault("AISLE_TOPIC_PREFIX", "") + "clickstream.events";
        var brokers = System.getenv().getOrDefault("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092");
        Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "acks", "all");
        // A record with a key goes where murmur2 of the key says, unless a partitioner is set.
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (var visitor : Arrays.copyOfRange(arguments, 1, arguments.length)) {
                var event = new ProducerRecord<>(topic, visitor, viewItem(visitor, arguments[0]));
                var kept = producer.send(event).get(); // throws unless acknowledged
                System.out.println("{\"partition\": " + kept.partition() + ", \"offset\": " + kept.offset() + "}");
            }
        }
    }
}
