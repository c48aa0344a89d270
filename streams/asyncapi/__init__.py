"""The wire for other languages and tools: JSON schemas of the records, and the topics as an AsyncAPI document."""
