"""Who gets shown: a log of slates held against the catalogue and what visitors did. `aisle audit`."""
