"""What an operator does with dead letters: count them, look at them, send them again, remove them."""
