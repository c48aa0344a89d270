"""The simulated judge takes or refuses any request, and scores any prompt."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.simulated.judge import judge
from streams.simulated.reply import ApiError, parse
from streams.simulated.request import KNOWN, Ability, check

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WORDS = ("type", "properties", "required", "items", "anyOf", "$defs", "additionalProperties")
SCHEMAS = st.recursive(VALUES, lambda inner: st.dictionaries(st.sampled_from(WORDS), inner, max_size=4), max_leaves=12)
RIGHT: dict[str, Any] = {"model": "simulated-judge", "messages": [{"role": "user", "content": "Hello"}]}


@given(name=st.sampled_from(sorted(KNOWN)), value=VALUES)
def test_any_value_of_any_parameter_is_taken_or_refused(name: str, value: object) -> None:
    """Never anything else, with the error's four fields."""
    try:
        check(parse(json.dumps({**RIGHT, name: value}).encode()), Ability())
    except ApiError as error:
        assert error.status in {400, 404}
        assert error.body["error"].keys() == {"message", "type", "param", "code"}


@given(schema=SCHEMAS)
def test_any_schema_is_taken_or_refused(schema: object) -> None:
    """However little it is one."""
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    try:
        assert check(parse(json.dumps({**RIGHT, "response_format": form}).encode()), Ability()).schema == schema
    except ApiError as error:
        assert error.body["error"]["param"] == "response_format"


@given(
    products=st.lists(st.dictionaries(st.sampled_from(("n", "title", "category", "for", "price")), VALUES), max_size=4),
    intent=VALUES,
    before=st.text(alphabet=st.characters(exclude_characters="{"), max_size=20),
)
def test_any_products_get_a_score_each(products: list[dict[str, Any]], intent: object, before: str) -> None:
    """In range, and the same when asked again."""
    prompt = before + json.dumps({"intent": intent, "products": products})

    scores = judge(prompt)

    assert len(scores) == len(products)
    assert all(0 <= one.score <= 10 and isinstance(one.n, int) for one in scores)
    assert scores == judge(prompt)
