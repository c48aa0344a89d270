"""What moves: agents, adapters, the command line and the wiring between them."""
