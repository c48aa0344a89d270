"""Feed a decoder, count what it says, keep what breaks it."""

import hashlib
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from schemas.errors import DecodeError
from tests.fuzz.targets import Target

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".aisle" / "fuzz"
"""Where failing inputs go."""

ACCEPTED = "accepted"
MOST_KEPT = 500
"""Inputs that showed something new, from which the next ones are made."""


@dataclass
class Tally:
    """What became of the inputs of one decoder.

    `failures` maps what was raised, and where, to the first input that did it.
    """

    name: str
    inputs: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failures: dict[str, bytes] = field(default_factory=dict)

    def feed(self, target: Target, data: bytes) -> str:
        """Run one input.

        Returns:
            what it showed: inputs that show the same are alike to whoever cannot see coverage.
        """
        self.inputs += 1
        try:
            target.run(data)
        except DecodeError as error:
            self.refused[error.reason] += 1
            return error.detail
        except Exception as error:  # noqa: BLE001  this is what is looked for
            what = f"{type(error).__name__} at {_place(error)}"
            self.failures.setdefault(what, data)
            return what
        self.accepted += 1
        return ACCEPTED

    def plain(self) -> dict[str, Any]:
        """Give the figures for JSON."""
        return {
            "decoder": self.name,
            "inputs": self.inputs,
            "accepted": self.accepted,
            "refused": dict(self.refused),
            "failures": {what: kept_name(self.name, data) for what, data in self.failures.items()},
        }

    def keep(self, folder: Path) -> None:
        """Write each failing input to a file of its own; `python -m tests.fuzz --input FILE` runs it again."""
        for data in self.failures.values():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / kept_name(self.name, data)).write_bytes(data)


def _place(error: Exception) -> str:
    """Name the innermost line of ours: what a library says differs from input to input."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if ROOT in Path(frame.filename).parents]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


def kept_name(decoder: str, data: bytes) -> str:
    """Name a failing input's file: the decoder is in it."""
    return f"{decoder.replace(' ', '-')}~{hashlib.sha256(data).hexdigest()[:12]}"


def blind(target: Target, *, inputs: int, seed: int) -> Tally:
    """Mutate without seeing coverage: an input is worked on further when what the decoder said to it was new."""
    random, tally = Random(seed), Tally(target.name)
    good, odd = list(target.examples), [b""]
    for example in good:
        tally.feed(target, example)
    seen: set[str] = set()
    while tally.inputs < inputs:
        data = target.mutated(random.choice(good if random.random() < 0.8 else odd), random, good)
        showed = tally.feed(target, data)
        if showed == ACCEPTED:
            _keep(good, data, random)
        elif showed not in seen:
            seen.add(showed)
            _keep(odd, data, random)
    return tally


def _keep(corpus: list[bytes], data: bytes, random: Random) -> None:
    if len(corpus) < MOST_KEPT:
        corpus.append(data)
    else:
        corpus[random.randrange(MOST_KEPT)] = data
