"""Commands of `aisle`, one module each; heavy imports stand inside the functions."""
