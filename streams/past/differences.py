"""The first place where two JSON values differ."""

from itertools import zip_longest
from typing import Any, NamedTuple

import orjson

ABSENT = "(absent)"


class Difference(NamedTuple):
    """A path such as `items[3].score`, and what stands there on either side."""

    path: str
    recorded: Any
    again: Any


def first_difference(recorded: Any, again: Any, path: str = "") -> Difference | None:
    """Find the first difference, in the order of the recorded value; None where both are equal.

    >>> first_difference({"items": [{"score": 1.0}]}, {"items": [{"score": 0.5}]})
    Difference(path='items[0].score', recorded=1.0, again=0.5)
    >>> first_difference({"a": 1}, {"a": 1, "b": None})
    Difference(path='b', recorded='(absent)', again=None)
    """
    if isinstance(recorded, dict) and isinstance(again, dict):
        pairs = [
            (f"{path}.{name}" if path else str(name), recorded.get(name, ABSENT), again.get(name, ABSENT))
            for name in dict.fromkeys((*recorded, *again))
        ]
    elif isinstance(recorded, list) and isinstance(again, list):
        pairs = [(f"{path}[{at}]", *both) for at, both in enumerate(zip_longest(recorded, again, fillvalue=ABSENT))]
    else:
        return None if type(recorded) is type(again) and recorded == again else Difference(path, recorded, again)
    found = (first_difference(one, other, where) for where, one, other in pairs)
    return next((difference for difference in found if difference is not None), None)


def slate_difference(recorded: bytes, again: bytes) -> Difference | None:
    """Compare two slates byte for byte but for the time of deciding, which `again` has taken over."""
    if recorded == again:
        return None
    return first_difference(orjson.loads(recorded), orjson.loads(again)) or Difference("", "bytes", "other bytes")
