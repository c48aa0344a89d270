"""The past made usable: a world as it was, a slate decided again, a visitor's state rebuilt."""
