"""What a person sees of the judge: a panel of the live picture, and lines elsewhere."""

from typing import Any

from streams.demo.judged import JudgeBoard

SHOWN_MINUTES = 8
"""The latest."""


def judge_panel(board: JudgeBoard) -> Any:
    """Show who judges, how much of it is there when a slate needs it, and what it takes."""
    from rich.panel import Panel
    from rich.text import Text

    lines = (_coverage(board), _revisions(board), _spent(board), _minutes(board), *_trouble(board))
    return Panel(Text("\n".join(lines)), title=board.judge.title, title_align="left")


def judge_lines(board: JudgeBoard) -> list[str]:
    """Say the same in plain lines."""
    return [
        f"{board.judge.title}: {_coverage(board)}; {_revisions(board)}",
        f"{board.judge.title}: {_spent(board)}; {_minutes(board)}",
        *_trouble(board),
    ]


def _coverage(board: JudgeBoard) -> str:
    where = ", ".join(sorted(board.judge.placements))
    since, first = (_share(board, later=later) for later in (True, False))
    unknown = sum(board.states(later=later)["no_key"] for later in (False, True))
    later = f", {since} after it" if since else ""
    return (
        f"{where} slates served from judgements at once: {first or 'none yet'} in the first minute{later} "
        f"(not counted: {unknown:,} for visitors of whom nothing is known yet)"
    )


def _share(board: JudgeBoard, *, later: bool) -> str:
    share, states = board.covered(later=later), board.states(later=later)
    if share is None:
        return ""
    return f"{share:.1%} of {sum(states.values()) - states['no_key']:,}"


def _revisions(board: JudgeBoard) -> str:
    late = board.latencies
    if not len(late):
        return "no slate sent again with later judgements yet"
    return (
        f"{len(late):,} slates sent again with later judgements, event to revision p50 {late.quantile(0.5):.0f} ms, "
        f"p99 {late.quantile(0.99):.0f} ms"
    )


def _trouble(board: JudgeBoard) -> list[str]:
    return [f"Nothing is judged now: {board.trouble}"] if board.trouble else []


def _spent(board: JudgeBoard) -> str:
    spent = board.spent
    return (
        f"{spent.calls:,} calls for {board.keys:,} keys (segment and intent), "
        f"{spent.prompt_tokens + spent.completion_tokens:,} tokens, {spent.usd:.4f} USD ({board.judge.money})"
    )


def _minutes(board: JudgeBoard) -> str:
    """Set calls beside what bounds them, new keys, and beside the traffic, which does not."""
    told = []
    for name, what in (("calls", "calls"), ("new keys", "new_keys"), ("events", "events")):
        counts = [f"{count:,}" for count in board.per_minute(what)[-SHOWN_MINUTES:]]
        told.append(f"{name} {' | '.join(counts)}")
    return f"minute by minute: {'; '.join(told)}"
