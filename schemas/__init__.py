"""What travels: the records on the topics, how they are encoded, and which topics there are."""
