"""A generated shop and its simulated shoppers."""
