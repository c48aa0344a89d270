"""What other exploration policies would have earned, in words, cells and a plot."""

from collections.abc import Mapping, Sequence

from models.off_policy import Estimate
from streams.pages.page import Page
from streams.pages.plots import bars

TITLE = "Exploration: what other policies would have earned"

HEADER = ("policy", "clicks", "95 % interval", "effective", "draws")

ABOUT = (
    "Of 100 explored products that were seen, how many would have been clicked within half an hour, had the pool been "
    "drawn otherwise (logged: as it was). effective: how many of the policy's own draws would say as much."
)

DRAWS = {
    "logged": "as it was drawn",
    "uniform": "every pool alike",
    "greedy": "the pool that was held for the best",
    "new": "always new products",
    "long_tail": "always the long tail",
    "neighbour": "always what lies beside the taste",
}

Explored = Mapping[str, Estimate | str]
"""An estimate of each policy, or the sentence that says why there is none."""


def known(explored: Explored) -> list[Estimate]:
    """Give the estimates that there are."""
    return [one for one in explored.values() if isinstance(one, Estimate)]


def refusals(explored: Explored) -> list[str]:
    """Give the other policies' sentences; where what was drawn itself is too little, its own speaks for all."""
    told = [f"{one}." for one in explored.values() if isinstance(one, str)]
    return told if known(explored) else told[:1]


def rows(explored: Explored) -> list[tuple[str, ...]]:
    """Write the estimates as cells of `HEADER`."""
    return [
        (
            one.policy,
            f"{one.rate:.2%}",
            f"{one.low:.2%} to {one.high:.2%}",
            f"{one.effective:,.0f}",
            DRAWS.get(one.policy, ""),
        )
        for one in known(explored)
    ]


def plain(explored: Explored) -> dict[str, dict[str, float | str]]:
    """Give all of it as JSON can hold it, by policy; a policy without a number says why in `refused`."""
    return {name: {"refused": one} if isinstance(one, str) else _numbers(one) for name, one in explored.items()}


def add_exploration(page: Page, explored: Explored) -> None:
    """Add the section: bars with whiskers, the table, and what could not be told."""
    page.heading(TITLE)
    found = known(explored)
    if found:
        page.text(ABOUT)
        page.figure(_drawn(found), caption="Whiskers are 95 % intervals that allow for visitors.")
        page.table(HEADER, rows(explored), caption="Clicks per explored product that was seen")
    for sentence in refusals(explored):
        page.text(sentence)


def _numbers(one: Estimate) -> dict[str, float | str]:
    return {
        "rate": one.rate,
        "low": one.low,
        "high": one.high,
        "effective": one.effective,
        "samples": one.samples,
    }


def _drawn(found: Sequence[Estimate]) -> str:
    return bars(
        [one.policy for one in found],
        [100 * one.rate for one in found],
        low=[100 * one.low for one in found],
        high=[100 * one.high for one in found],
        title="Clicks by exploration policy",
        unit="clicks of 100 explored products seen",
    )
