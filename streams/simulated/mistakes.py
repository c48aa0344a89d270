"""What a language model says when it gets it wrong: each fault of the content, made from the right scores."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

from streams.simulated.completion import Said, as_content
from streams.simulated.faults import Fault

HUGE_BYTES = 10_000_000
DEEP = 100_000

Scores = Sequence[Mapping[str, Any]]

IN_PROSE = "Here are my scores:\n\n```json\n{}\n```\nLet me know if {{n}} should mean something else!"
SORRY = "I'm sorry, but I can't help with that."


def _half(scores: Scores) -> str:
    content = as_content(scores)
    return content[: len(content) // 2]


def _huge(scores: Scores) -> str:
    why = "It fits. "
    return json.dumps({"why": why * (HUGE_BYTES // len(why) + 1), "scores": scores})


def _foreign(scores: Scores) -> str:
    return as_content([{**one, "n": one["n"] + 1000 * (i % 2 == 0)} for i, one in enumerate(scores)])


def _repeated(scores: Scores) -> str:
    return as_content([*scores, *({**one, "score": other} for one in scores[:1] for other in (0, 10))])


def _scored(scores: Scores, values: Sequence[object]) -> str:
    return as_content([{**one, "score": value} for one, value in zip(scores, cycle(values), strict=False)])


MISTAKES: dict[Fault, Callable[[Scores], Said]] = {
    "truncated_content": lambda scores: Said(_half(scores)),
    "cut_off": lambda scores: Said(_half(scores), "length"),
    "prose": lambda scores: Said(IN_PROSE.format(as_content(scores))),
    "not_json": lambda scores: Said(f"I would show the first of the {len(scores)}, and then the others."),
    "huge": lambda scores: Said(_huge(scores)),
    "deep": lambda _: Said('{"scores": ' + "[" * DEEP),
    "empty_content": lambda _: Said(""),
    "refusal": lambda _: Said(None, refusal=SORRY),
    "content_filter": lambda _: Said(None, "content_filter"),
    "foreign_ids": lambda scores: Said(_foreign(scores)),
    "repeated_ids": lambda scores: Said(_repeated(scores)),
    "missing_ids": lambda scores: Said(as_content(scores[1::2])),
    "text_scores": lambda scores: Said(_scored(scores, ("7.5", "8/10", "high"))),
    "nan_scores": lambda scores: Said(_scored(scores, (math.nan, math.inf, -math.inf))),
    "out_of_range": lambda scores: Said(_scored(scores, (-3, 11, 1e308, -0.1, 10**30))),
    "nested_scores": lambda scores: Said(_scored(scores, ({"value": 7}, [7], True, None))),
}
