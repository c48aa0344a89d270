"""One decoder under atheris, which sees which branches an input takes: `python -m tests.fuzz.guided DECODER N SEED`.

libFuzzer ends its process, so each decoder has one of its own; the last line of its output is the tally as JSON.
"""

import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
WATCHED = ["schemas", "models", "streams"]
COMPILED = [f"models.{file.stem}" for file in (ROOT / "models").glob("*.py") if "@compiled" in file.read_text()]
"""Where branches are counted, and where they cannot be: numba knows no probes."""

MUTATED_BY_US = 0.9
"""Share of inputs that keep a record's form; libFuzzer's own changes know bytes alone."""


def main(name: str, inputs: int, seed: int) -> None:
    """Fuzz one decoder; ends the process."""
    import atheris  # not where it is not installed: the tests look into every module

    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=WATCHED, exclude=COMPILED):
        from tests.fuzz.campaign import KEPT, Tally
        from tests.fuzz.targets import targets
    target, tally = targets()[name], Tally(name)

    def one(data: bytes) -> None:
        tally.feed(target, data)
        if tally.inputs >= inputs:
            tally.keep(KEPT)
            sys.stdout.write("\n" + json.dumps(tally.plain()) + "\n")
            sys.stdout.flush()
            os._exit(0)

    def change(data: bytes, most: int, number: int) -> bytes:
        random = Random(number)
        if random.random() > MUTATED_BY_US:
            return atheris.Mutate(data, most)
        return target.mutated(data, random, target.examples)[:most]

    with tempfile.TemporaryDirectory(prefix="aisle-fuzz-") as corpus:
        for number, example in enumerate(target.examples):
            (Path(corpus) / str(number)).write_bytes(example)
        arguments = ["fuzz", corpus, f"-seed={seed or 1}", "-max_len=20000", "-verbosity=0", "-mutate_depth=1"]
        atheris.Setup([*arguments, "-runs=-1", "-rss_limit_mb=0"], one, custom_mutator=change)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
