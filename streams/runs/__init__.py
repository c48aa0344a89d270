"""The whole engine over one file: `aisle run`."""
