import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Prints each slate a shop should show from now on, as JSON: Consumer.java [COUNT] ends after so many, or on Ctrl-C. */
public final class Consumer {
    private record Shelf(String visitor, String placement, String anchor) {}

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static final Map<Shelf, long[]> NEWEST = new HashMap<>();

    /** Keeps, per shelf, the slate with the greatest (cause epoch, cause offset, revision). */
    private static boolean isNew(JsonNode slate) {
        var expires = OffsetDateTime.parse(slate.path("expires_at").asText()).toInstant();
        if (!slate.path("schema_version").asText().startsWith("1.") || !expires.isAfter(Instant.now())) {
            return false;
        }
        var anchor = slate.path("anchor").textValue(); // null where there is none
        var shelf = new Shelf(slate.path("visitor_id").asText(), slate.path("placement").asText(), anchor);
        var cause = slate.path("cause");
        long[] order = {cause.path("epoch").asLong(), cause.path("offset").asLong(), slate.path("revision").asLong()};
        if (Arrays.compare(order, NEWEST.getOrDefault(shelf, new long[] {-1, -1, -1})) <= 0) {
            return false;
        }
        NEWEST.put(shelf, order);
        return true;
    }

    /** Gives what a shop needs of a slate; the second half of its products are reserves. */
    private static JsonNode shown(JsonNode slate) {
        var kept = JSON.createObjectNode().put("revision", slate.path("revision").asLong());
        for (var name : List.of("visitor_id", "placement", "anchor", "slate_id")) {
            kept.put(name, slate.path(name).textValue());
        }
        return kept.putPOJO("products", slate.path("items").findValuesAsText("product_id"));
    }

    public static void main(String[] arguments) throws Exception {
        var topic = System.getenv().getOrDefault("AISLE_TOPIC_PREFIX", "") + "recommendations";
        var brokers = System.getenv().getOrDefault("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092");
        Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "enable.auto.commit", "false");
        var left = arguments.length > 0 ? Long.parseLong(arguments[0]) : Long.MAX_VALUE;
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            Runtime.getRuntime().addShutdownHook(new Thread(consumer::wakeup));
            // No group: whoever serves pages needs the slates of all visitors, from the oldest that the topic still has.
            consumer.assign(consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList());
            consumer.seekToBeginning(consumer.assignment());
            while (left > 0) {
                for (var record : consumer.poll(Duration.ofSeconds(1))) {
                    var slate = JSON.readTree(record.value());
                    if (left > 0 && isNew(slate)) {
                        OUT.println(shown(slate));
                        left -= 1;
                    }
                }
            }
        } catch (WakeupException interrupted) {
            // Ctrl-C: nothing is left to do.
        }
    }
}
