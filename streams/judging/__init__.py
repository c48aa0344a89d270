"""Asking a language model: the guards around one call; no Kafka in it."""
