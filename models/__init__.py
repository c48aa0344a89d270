"""What decides: sessions, learning and slates. Nothing here knows Kafka, HTTP, a wall clock or global randomness."""
