"""Between browsers and Kafka: events in, slates out."""
