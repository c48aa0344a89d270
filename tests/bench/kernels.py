"""`make bench-kernels`: what the engine itself costs, without Kafka: learning, one decision, memory.

A part of `make bench`, which runs it with `--json`.
"""

import argparse
import gc
import itertools
import json
import os
from collections.abc import Sequence

from conditions import machine
from kernel_decision import UNCOUNTED, TimedIndex, deciding
from kernel_learning import learning
from kernel_memory import product_bytes, session_bytes
from kernel_report import Figures, sheets
from kernel_shop import Shoppers, steps, stock
from rich.console import Console
from sheet import show
from shop import DIM, products
from telling import tell

from models.warm_up import warm_up


def measure(count: int, events: int, decisions: int) -> Figures:
    """Learn a log, then measure what more of it costs, and slates for visitors who come next.

    Args:
        count: products.
        events: learned before anything is measured; a fifth as many are learned to be measured.
        decisions: slates.
    """
    warm_up()
    catalogue, index = products(count), TimedIndex(DIM)
    knowledge = stock(catalogue, index)
    sessions = Shoppers(catalogue, seed=3).sessions()
    log = list(steps(sessions, events + events // 5, knowledge))
    for step in log[:events]:
        knowledge.model.learn_one(step, step.origin.offset)
    learned = learning(knowledge.model, log[events:])
    visitors = [session[: 1 + at % 10] for at, session in enumerate(itertools.islice(sessions, decisions + UNCOUNTED))]
    del log
    gc.collect()
    gc.freeze()  # as a worker does before it serves
    return {
        "products": count,
        "events": events,
        "decisions": decisions,
        "learning": learned,
        "deciding": deciding(knowledge, index, visitors),
        "memory": {"product": product_bytes(knowledge, index), "session": session_bytes(knowledge.model)},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--decisions", type=int, default=2_000)
    parser.add_argument("--json", action="store_true", help="one line for the program that runs this")
    given = parser.parse_args(arguments)
    where = machine(os.getloadavg()[0], "of which this takes one")
    figures = measure(given.products, given.events, given.decisions)
    if given.json:
        tell(json.dumps(figures))
        return
    console = Console()
    for name, value in where.items():
        console.print(f"{name}: {value}")
    console.print(f"load average after: {os.getloadavg()[0]:.2f}")
    show(sheets(figures), console)


if __name__ == "__main__":
    main()
