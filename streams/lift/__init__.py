"""What judgements of a language model add to a shop's lists, and what they cost, before anybody pays for them."""
