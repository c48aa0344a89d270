"""How a child process tells its parent something: one line on standard output, at once."""

import sys


def tell(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
