"""What an examination finds."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `step` is what to do next, empty where nothing is to be done."""

    name: str
    level: Level
    found: str
    step: str = ""
