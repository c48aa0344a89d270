"""`make cold`: how often a new visitor's first click was among what they were shown before it."""

import argparse
import sys

from tests.cold.first_click import first_clicks, table


def main() -> int:
    """Let simulated shoppers in, and print the table."""
    parser = argparse.ArgumentParser(prog="make cold", description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    clicks = first_clicks(given.events, seed=given.seed)
    slot = ", ".join(f"{name} {sum(hits) / len(hits):.4f}" for name, hits in clicks.slot.items())
    views = len(clicks.slot["in the slot"])
    sys.stdout.write("\n".join(table(clicks.hits)) + f"\n\nHR@20 of {views} later views by the front page: {slot}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
