"""How `aisle dead` prints what it found: for people line by line, for scripts as one JSON object."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from schemas.dead import DeadLetter
from schemas.record import nearest_time, rfc3339
from streams.dead.letters import id_of
from streams.dead.mending import Stays
from streams.dead.purge import Purge
from streams.dead.requeue import Report
from streams.dead.showing import printable
from streams.dead.survey import Survey

WHY: dict[Stays, str] = {
    "refused": "still refused",
    "fix_failed": "the fix failed",
    "left": "left by the fix",
    "changes_id": "the fix changes event_id",
    "cut": "cut: not all bytes were kept",
    "erased": "erased: who it is of asked to be forgotten",
    "handler": "killed the worker: name them, by --reason handler or --id",
    "newer": "a newer record of the product is there",
}


def survey_lines(surveys: Sequence[Survey]) -> Iterator[str]:
    """Give a table of reasons, and the letters that were asked for."""
    rows = [(one.topic, reason, tally) for one in surveys for reason, tally in sorted(one.tallies.items())]
    if not rows:
        yield "No dead letters."
    else:
        yield f"{'topic':<20} {'reason':<16} {'letters':>9} {'requeued':>9}  {'first':<24}  last"
    for topic, reason, tally in rows:
        first, last = _time(tally.first_ms), _time(tally.last_ms)
        yield f"{topic:<20} {reason:<16} {tally.letters:>9,} {tally.requeued:>9,}  {first:<24}  {last}"
    for one in surveys:
        if one.unreadable:
            yield f"{one.unreadable:,} records on {one.topic}.dead are no dead letters"
        for letter, head in one.newest:
            yield f"{letter!s:<24} {_time(letter.arrived_ms)} {head.reason:<16} {printable(head.detail)}"


def survey_json(surveys: Sequence[Survey]) -> str:
    """Give the same as JSON."""
    counts = [
        {
            "topic": one.topic,
            "reason": reason,
            "letters": tally.letters,
            "requeued": tally.requeued,
            "first": _time(tally.first_ms),
            "last": _time(tally.last_ms),
        }
        for one in surveys
        for reason, tally in sorted(one.tallies.items())
    ]
    letters = [
        {"id": str(letter), "arrived": _time(letter.arrived_ms), "reason": head.reason, "detail": head.detail}
        for one in surveys
        for letter, head in one.newest
    ]
    return _json({"counts": counts, "letters": letters, "unreadable": sum(one.unreadable for one in surveys)})


def letter_json(letter: DeadLetter) -> str:
    """Give a letter with its id; `value` is text where the bytes are, and `value_base64` always."""
    fields: dict[str, Any] = orjson.loads(letter.encode())
    try:
        text = (letter.original() or b"").decode()
    except UnicodeDecodeError:
        text = None
    whole = {"value": text, "value_base64": letter.value, "cut": letter.cut}
    return _json({"id": str(id_of(letter.source))} | fields | whole)


def reports_lines(reports: Sequence[Report], *, sent: bool) -> Iterator[str]:
    """Say what was sent, or would be, and what stays, with examples."""
    for report in reports:
        yield f"{report.topic}: {report.selected:,} letters selected"
        yield f"{report.sent:>10,}  {'sent' if sent else 'would be sent'}"
        for one in report.ready:
            yield f"            {one.letter} -> partition {one.partition}"
        if report.already:
            yield f"{report.already:>10,}  were sent before"
        for why, count in report.stays.most_common():
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(report.refused.items()))
            yield f"{count:>10,}  {WHY[why]}{f' ({reasons})' if why == 'refused' else ''}"
            for left in report.left[why]:
                yield f"            {left.letter}: {printable(left.detail)}"
        if report.unreadable:
            yield f"{report.unreadable:>10,}  records there are no dead letters"
    if not sent and any(report.sent for report in reports):
        yield "Nothing was sent: --yes sends."


def reports_json(reports: Sequence[Report], *, sent: bool) -> str:
    """Give the same as JSON."""
    topics = [
        {
            "topic": report.topic,
            "selected": report.selected,
            "sent": report.sent if sent else 0,
            "would_send": 0 if sent else report.sent,
            "already": report.already,
            **{why: report.stays[why] for why in WHY if why != "refused"},
            "refused": dict(sorted(report.refused.items())),
            "unreadable": report.unreadable,
        }
        for report in reports
    ]
    return _json({"dry_run": not sent, "topics": topics})


def purges_lines(purges: Sequence[Purge], *, removed: bool) -> Iterator[str]:
    """Say what was removed, or would be."""
    for one in purges:
        gone = f"{len(one.gone):,} letters {'removed' if removed else 'would be removed'}"
        yield f"{one.topic}: {gone}, {one.unsent:,} of them never sent again; {one.kept:,} stay"
    if not removed and any(one.before for one in purges):
        yield "Nothing was removed: --yes removes."


def purges_json(purges: Sequence[Purge], *, removed: bool) -> str:
    """Give the same as JSON."""
    topics = [
        {"topic": one.topic, "letters": len(one.gone), "never_requeued": one.unsent, "kept": one.kept} for one in purges
    ]
    return _json({"dry_run": not removed, "topics": topics})


def _time(ms: int) -> str:
    return rfc3339(nearest_time(ms))


def _json(found: dict[str, Any]) -> str:
    """Write JSON that no terminal takes for a command: ASCII, without the one control character that JSON allows."""
    return json.dumps(found).replace("\x7f", "\\u007f")
