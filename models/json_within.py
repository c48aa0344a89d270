"""JSON in any text: the objects and lists that can be read, whatever stands around them."""

import json
import re
from typing import Final, NamedTuple

MAX_FAILURES: Final = 256
"""Brackets that begin nothing readable are tried so often."""

MAX_EFFORT: Final = 512 * 1024
"""Characters read in vain: half an object is read to its end once for every bracket in it."""

TOO_DEEP: Final = 16 * 1024
"""What a try counts that ends in too many brackets within brackets."""

_START: Final = re.compile(r"[\[{]")


class Pairs(tuple[tuple[str, object], ...]):
    """A JSON object as it is written: a name given twice is there twice."""

    __slots__ = ()

    def all(self, name: str) -> list[object]:
        """Give the values of a name, in order.

        >>> Pairs([("n", 1.0), ("n", 2.0)]).all("n")
        [1.0, 2.0]
        """
        return [value for each, value in self if each == name]


class Within(NamedTuple):
    """What was found: objects are `Pairs`, numbers floats; `alone` where it is one value with nothing beside it."""

    values: list[object]
    alone: bool


# Whole numbers are read as floats: of ten thousand digits, Python refuses one and takes its time over the other.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=float)


def json_within(text: str) -> Within:
    """Find the objects and lists in a text, outermost ones only; never raises, in time proportional to its length.

    >>> json_within('Sure: {"a": 1} or [2]').values
    [(('a', 1.0),), [2.0]]
    """
    values: list[object] = []
    beside, at, effort, failures = False, 0, 0, 0
    while (start := _START.search(text, at)) and failures < MAX_FAILURES and effort < MAX_EFFORT:
        beside = beside or bool(text[at : start.start()].strip())
        try:
            value, at = _DECODER.raw_decode(text, start.start())
            values.append(value)
        except (json.JSONDecodeError, RecursionError) as error:
            effort += error.pos - start.start() if isinstance(error, json.JSONDecodeError) else TOO_DEEP
            failures, at, beside = failures + 1, start.end(), True
    return Within(values, alone=len(values) == 1 and not beside and not text[at:].strip())
