"""What a run came to: a table by kind of fault, and one line for machines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.table import Table

from tests.faults.checks import Verdict
from tests.faults.driver import Staged

COLUMNS = ("fault", "staged", "lost", "doubled", "mismatches", "hung", "first slate: median", "worst",
           "all partitions: median", "worst", "repeats")  # fmt: skip


@dataclass
class Report:
    """A run's results; `again` is the verdict of reading everything once more at the end, `broken` an early end."""

    staged: list[Staged] = field(default_factory=list)
    again: Verdict = field(default_factory=Verdict)
    broken: bool = False

    @property
    def exact(self) -> bool:
        """Tell whether nothing was lost, doubled, mismatched, or hung."""
        return not self.broken and all(one.exact for one in self.staged) and self.again.exact

    def summary(self) -> dict[str, Any]:
        """Give the figures for machines."""
        recovery = [one.first_s for one in self.staged if one.first_s is not None]
        whole = [one.whole_s for one in self.staged if one.whole_s is not None]
        return {
            "faults": len(self.staged),
            "lost": _count(self.staged, "lost") + len(self.again.lost),
            "doubled": _count(self.staged, "doubled") + len(self.again.doubled),
            "mismatches": _count(self.staged, "mismatches") + len(self.again.mismatches),
            "recovery_s": _spread(recovery),
            "all_partitions_s": _spread(whole),
            "hung": sum(one.hung is not None for one in self.staged),
            "repeats": sum(one.verdict.repeats for one in self.staged),
            "rewritten": sum(one.verdict.rewritten for one in self.staged),
        }

    def table(self) -> Table:
        """Give the table for people; seconds are from the end of the harm."""
        table = Table(*COLUMNS, title="Faults")
        for name in dict.fromkeys(one.name for one in self.staged):
            table.add_row(*_row(name, [one for one in self.staged if one.name == name]))
        table.add_row(*_row("all", self.staged), style="bold")
        return table

    def findings(self) -> list[str]:
        """Say what is wrong, one line each."""
        said = []
        for number, one in enumerate(self.staged):
            verdict = one.verdict
            for what in (*verdict.lost, *verdict.doubled, *verdict.mismatches, *([one.hung] if one.hung else [])):
                said.append(f"{number} {one.name}: {what}")
        again = (*self.again.lost, *self.again.doubled, *self.again.mismatches)
        return said + [f"read again: {what}" for what in again]

    def last_line(self) -> str:
        """Give the summary as JSON."""
        return json.dumps(self.summary())


def _count(staged: Sequence[Staged], what: str) -> int:
    return sum(len(getattr(one.verdict, what)) for one in staged)


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {"p50": round(median(seconds), 2), "max": round(max(seconds), 2)} if seconds else {}


def _row(name: str, staged: Sequence[Staged]) -> list[str]:
    numbers = [_count(staged, what) for what in ("lost", "doubled", "mismatches")]
    hung = sum(one.hung is not None for one in staged)
    times: list[str] = []
    for some in ([one.first_s for one in staged], [one.whole_s for one in staged]):
        known = [one for one in some if one is not None]
        times += [f"{median(known):.1f} s", f"{max(known):.1f} s"] if known else ["-", "-"]
    repeats = sum(one.verdict.repeats for one in staged)
    return [name, str(len(staged)), *map(str, numbers), str(hung), *times, str(repeats)]
