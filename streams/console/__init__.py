"""For operators: live figures of an installation, and a visitor's view that shows why."""
