"""Segments and intents as people write them, and which pairs of them slates are judged by; see `models.intent`."""

import re
from typing import Final, NamedTuple

from models.intent import ANY, JudgementKey
from schemas.errors import RefusedError

_NAME = r"[^\W_]+(?:-[^\W_]+)*"
_TIER = "low|mid|high|any"
_SEGMENT: Final = re.compile(rf"(new|returning|loyal)\.({_TIER})\.({_NAME})")
_STAGE = "landing|browsing|comparing|buying"
_INTENT: Final = re.compile(
    rf"(?P<department>{_NAME})/(?P<whom>kids|women|men|adults|any)(?:\.(?P<tier>{_TIER})\.(?P<stage>{_STAGE}))?"
    rf"|any\.(?P<anywhere>{_STAGE})"
)

SEGMENT_FORM: Final = (
    "any, or VISITS.PRICE.DEPARTMENT such as loyal.mid.outdoor (new, returning or loyal; low, mid, high or any)"
)
INTENT_FORM: Final = (
    "DEPARTMENT/WHOM such as outdoor/kids (kids, women, men, adults or any), DEPARTMENT/WHOM.PRICE.STAGE such as "
    "outdoor/kids.low.browsing (landing, browsing, comparing or buying), or any.landing"
)


class Segment(NamedTuple):
    """The parts of a segment; all `any` for everybody."""

    visits: str
    tier: str
    department: str


class Intent(NamedTuple):
    """The parts of an intent: `any` where it does not say; a stage of "" is that of a coarse one."""

    department: str
    whom: str
    tier: str
    stage: str


def read_segment(text: str) -> Segment:
    """Read a segment.

    >>> read_segment("loyal.mid.outdoor")
    Segment(visits='loyal', tier='mid', department='outdoor')

    Raises:
        RefusedError: it has another form.
    """
    if text == ANY:
        return Segment(ANY, ANY, ANY)
    match = _SEGMENT.fullmatch(text)
    if match is None:
        raise RefusedError(f"{text!r} is no segment: write {SEGMENT_FORM}.")
    return Segment(*match.groups())


def read_intent(text: str) -> Intent:
    """Read an intent.

    >>> read_intent("outdoor/kids.low.browsing")
    Intent(department='outdoor', whom='kids', tier='low', stage='browsing')
    >>> read_intent("outdoor/kids"), read_intent("any.landing")
    (Intent(department='outdoor', whom='kids', tier='any', stage=''), \
Intent(department='any', whom='any', tier='any', stage='landing'))

    Raises:
        RefusedError: it has another form.
    """
    match = _INTENT.fullmatch(text)
    if match is None:
        raise RefusedError(f"{text!r} is no intent: write {INTENT_FORM}.")
    said = match.groupdict()
    if said["anywhere"]:
        return Intent(ANY, ANY, ANY, said["anywhere"])
    return Intent(said["department"], said["whom"], said["tier"] or ANY, said["stage"] or "")


def pair(segment: str, intent: str) -> JudgementKey | None:
    """Make a key of a segment and an intent; None where no slate is judged by it.

    Everybody's tables are of coarse intents, a segment's of fine ones, and a landing means something where the segment
    has a department.

    >>> pair("any", "outdoor/kids"), pair("any", "outdoor/kids.low.browsing")
    (JudgementKey(segment='any', intent='outdoor/kids'), None)

    Raises:
        RefusedError: one of the two has another form.
    """
    who, what = read_segment(segment), read_intent(intent)
    whose = (who.visits == ANY) == (what.stage == "")
    fits = who.department != ANY if what.department == ANY else whose
    return JudgementKey(segment, intent) if fits else None
