"""What every job of the benchmark is told."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from schemas.topics import Topics


@dataclass(frozen=True)
class JobArguments:
    """Where events come from and slates go to; `answers` says what to write."""

    bootstrap: str
    topics: Topics
    answers: Path
    history: Path
    decide: bool

    @classmethod
    def parse(cls) -> "JobArguments":
        """Read the command line."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--bootstrap", required=True)
        parser.add_argument("--prefix", required=True)
        parser.add_argument("--partitions", type=int, required=True)
        parser.add_argument("--answers", type=Path, required=True)
        parser.add_argument("--history", type=Path, required=True)
        parser.add_argument("--decide", action="store_true", help="run aisle's handler instead of copying its output")
        given = parser.parse_args()
        topics = Topics(prefix=given.prefix, partitions=given.partitions)
        return cls(given.bootstrap, topics, given.answers, given.history, given.decide)
