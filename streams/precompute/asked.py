"""What `aisle precompute` was given."""

import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from models.intent import JudgementKey
from models.key_forms import pair
from models.placements import OF_CAMPAIGNS, Placement
from schemas.errors import RefusedError
from schemas.record import MAX_ID_CHARS

_CAMPAIGN = re.compile(r"[\w.-]{1,64}")
_ID = re.compile(rf"[^\x00-\x1f\x7f]{{1,{MAX_ID_CHARS}}}")

SHOWN_CHARS = 40
"""Of a line that cannot be used: enough to find it by."""


@dataclass(frozen=True)
class Asked:
    """Keys whose tables are to be filled, or visitors who are to get slates of a campaign.

    Args:
        keys: segments and intents.
        left_out: pairs that were left out, since no slate is ever judged by them.
        visitors: their ids, each once.
        repeated: lines of the file that named somebody again.
        campaign: names it.
        placements: those of the slates.
        judges: False: slates by what is judged already.
        most_usd: what judging may cost.

    Raises:
        RefusedError: the money is no number from 0 on.
    """

    keys: tuple[JudgementKey, ...] = ()
    left_out: int = 0
    visitors: tuple[str, ...] = ()
    repeated: int = 0
    campaign: str = ""
    placements: tuple[Placement, ...] = OF_CAMPAIGNS
    judges: bool = True
    most_usd: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what would be no limit."""
        if not (isfinite(self.most_usd) and self.most_usd >= 0):
            raise RefusedError(f"--most-usd {self.most_usd:g} is no amount of money: give 0 or more.")


def ask_keys(segments: str | None, intents: str | None, *, most_usd: float) -> Asked:
    """Take lists of segments and intents, separated by commas, and all pairs of them.

    Raises:
        RefusedError: a list is empty, one of another form is in it, or no pair is ever asked for.
    """
    given = {"--segments": _listed(segments), "--intents": _listed(intents)}
    for option, names in given.items():
        if not names:
            raise RefusedError(f"{option} names none: give one or more, separated by commas.")
    pairs = [pair(segment, intent) for segment in given["--segments"] for intent in given["--intents"]]
    keys = tuple(dict.fromkeys(key for key in pairs if key is not None))
    if not keys:
        raise RefusedError(
            "No slate is judged by any of these pairs: any goes with DEPARTMENT/WHOM, a segment with "
            "DEPARTMENT/WHOM.PRICE.STAGE, one that has a department with any.landing too."
        )
    return Asked(keys=keys, left_out=pairs.count(None), most_usd=most_usd)


def ask_visitors(file: Path, campaign: str | None, placements: str, *, judges: bool, most_usd: float) -> Asked:
    """Take a file of visitor ids, one a line, and a campaign.

    Raises:
        RefusedError: the file cannot be read, names nobody, or what is no id; or the campaign or a placement has no
            such name.
    """
    if not campaign:
        raise RefusedError("--visitors needs --campaign NAME: the slates' ids and anchor are made of it.")
    if not _CAMPAIGN.fullmatch(campaign):
        raise RefusedError(f"{campaign!r} names no campaign: use 1 to 64 letters, digits, dots, hyphens, underscores.")
    lines = _lines(file)
    visitors = tuple(dict.fromkeys(lines))
    return Asked(
        visitors=visitors,
        repeated=len(lines) - len(visitors),
        campaign=campaign,
        placements=_placements(placements),
        judges=judges,
        most_usd=most_usd,
    )


def _lines(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="\n") as opened:  # a large file is not held beside its lines
            lines = [each.strip() for each in opened]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RefusedError(
            f"{file} cannot be read ({why}): --visitors takes a text file, a visitor id a line."
        ) from None
    if not any(lines):
        raise RefusedError(f"{file} names no visitor: write a visitor id a line.")
    for number, line in enumerate(lines, start=1):
        if line and not _ID.fullmatch(line):
            raise RefusedError(
                f"Line {number} of {file} is no visitor id ({line[:SHOWN_CHARS]!r}): one has 1 to {MAX_ID_CHARS} "
                "characters and no control characters."
            )
    return [line for line in lines if line]


def _placements(text: str) -> tuple[Placement, ...]:
    known = {placement.name: placement for placement in OF_CAMPAIGNS}
    names = _listed(text)
    if unknown := [name for name in names if name not in known]:
        raise RefusedError(f"No campaign has a placement {unknown[0]!r}: there are {', '.join(known)}.")
    if not names:
        raise RefusedError(f"--placements names none: there are {', '.join(known)}.")
    return tuple(placement for name, placement in known.items() if name in names)


def _listed(text: str | None) -> list[str]:
    return [name for part in (text or "").split(",") if (name := part.strip())]
