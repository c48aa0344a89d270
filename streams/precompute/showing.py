"""A run in words."""

from collections.abc import Iterator

from streams.precompute.room import MOST_TABLES
from streams.precompute.running import Done, Planned


def planned_lines(planned: Planned) -> Iterator[str]:
    """Say what is to be done and what it takes."""
    if planned.campaign is not None:
        yield from _people(planned)
    told, asked = planned.estimate, planned.asked
    if asked.left_out:
        yield f"{asked.left_out:,} pairs are left out: no slate is ever judged by them."
    for key in planned.empty:
        yield f"{key.segment}|{key.intent}: nothing that is sold fits."
    if planned.crowded:
        yield f"{planned.crowded:,} tables are left out: {MOST_TABLES:,} are the most there may be."
    if not asked.judges:
        yield "Nothing is to be judged: slates are decided from what is there."
        return
    yield (
        f"To judge: {told.products:,} products in {told.keys:,} tables; {told.cached:,} are judged already. "
        f"{told.calls:,} calls, about {told.prompt_tokens:,} tokens asked and {told.completion_tokens:,} answered: "
        f"about {told.usd_expected:.4f} USD, {told.usd_at_most:.4f} at most if no call is repeated."
    )


def done_line(planned: Planned, done: Done) -> str:
    """Say what was done."""
    told = []
    if planned.asked.judges:
        judged = f"{done.tables:,} tables filled, {done.products:,} products judged in {done.calls:,} calls"
        told.append(f"{judged}, {done.usd:.4f} USD.")
    if planned.campaign:
        told.append(f"{done.slates:,} slates written, {done.already:,} were there.")
    return " ".join((*told, f"{done.seconds:.1f} s."))


def _people(planned: Planned) -> Iterator[str]:
    campaign, needs, asked = planned.campaign, planned.needs, planned.asked
    assert campaign is not None, "the caller has looked"
    people = campaign.people
    repeated = f" ({asked.repeated:,} lines name somebody again)" if asked.repeated else ""
    yield (
        f"{len(asked.visitors):,} visitors{repeated}: {len(people.found):,} found, {people.unknown:,} unknown, "
        f"{people.forgotten:,} forgotten, {people.expired:,} not seen for too long."
    )
    if needs is not None and (needs.covered or needs.keyless):
        yield f"Without slates: {needs.covered:,} are judged already, {needs.keyless:,} have nothing to judge by."
    yield f"{campaign.already:,} slates of {asked.campaign} are there."
