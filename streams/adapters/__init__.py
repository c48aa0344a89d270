"""One module per outside system; each implements a Protocol of `models.ports`."""
