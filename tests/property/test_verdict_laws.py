"""Laws of verdicts: any answer is a valid table or nothing."""

import json

from hypothesis import given
from hypothesis import strategies as st

from models.verdict import Verdict, read_verdict

counts = st.integers(1, 30)
scores = st.integers(0, 10) | st.floats(0, 10)
pieces = st.sampled_from(
    ['{"scores":[', '{"n":1,"score":7}', '"n"', '"score"', ":", ",", "[", "]", "{", "}", "1", "7", "-1", "1e999", "NaN",
     '"7"', "true", "null", "```json\n", "\n```", " ", '"', "\\", "\ud800", "Sure, ", '{"1":7,"2":3}'],
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.integers(-2, 12).map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["n", "score", "scores", "1"]), inner),
    max_leaves=10,
)


def valid(verdict: Verdict, count: int) -> bool:
    """Say whether a verdict is a table for so many products, or nothing with one reason."""
    table, faults = verdict
    nothing = [fault for fault in ("too_long", "not_json", "too_few") if faults[fault]]
    enough = 2 * len(table) >= count and not nothing
    fine = all(type(n) is int and 1 <= n <= count and 0 <= score <= 10 for n, score in table.items())
    return fine and (enough or (not table and len(nothing) == 1)) and all(times > 0 for times in faults.values())


@given(text=st.text(st.characters(exclude_categories=[])) | st.lists(pieces, max_size=40).map("".join), count=counts)
def test_any_text_is_a_table_or_nothing(text: str, count: int) -> None:
    """Never an exception, a foreign product, or a score out of range."""
    assert valid(read_verdict(text, count), count)


@given(data=st.binary(), count=counts)
def test_any_bytes_are_a_table_or_nothing(data: bytes, count: int) -> None:
    """As an adapter decodes them."""
    assert valid(read_verdict(data.decode(errors="replace"), count), count)


@given(value=values, count=counts)
def test_any_json_is_a_table_or_nothing(value: object, count: int) -> None:
    """Whatever stands where numbers and scores should."""
    assert valid(read_verdict(json.dumps({"scores": value}), count), count)
    assert valid(read_verdict(json.dumps(value), count), count)


@given(table=st.lists(scores, min_size=1, max_size=30), order=st.randoms(use_true_random=False))
def test_what_was_meant_is_what_is_read(table: list[float], order: object) -> None:
    """A right answer gives its scores, in whatever order and form."""
    entries = [{"n": n, "score": score} for n, score in enumerate(table, start=1)]
    order.shuffle(entries)  # type: ignore[attr-defined]
    wanted = {n: float(score) for n, score in enumerate(table, start=1)}
    by_number = {str(each["n"]): each["score"] for each in entries}
    for form in ({"scores": entries}, entries, by_number):
        assert read_verdict(json.dumps(form), len(table)) == (wanted, {})
        assert read_verdict(f"Sure:\n```json\n{json.dumps(form, indent=1)}\n```", len(table)).scores == wanted


@given(table=st.lists(scores, min_size=1, max_size=30), data=st.data())
def test_a_damaged_answer_is_a_table_or_nothing(table: list[float], data: st.DataObject) -> None:
    """Cut off, with a hole, or with something put in."""
    text = json.dumps({"scores": [{"n": n, "score": score} for n, score in enumerate(table, start=1)]})
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    for damaged in (text[:end], text[:start] + text[end:], text[:start] + data.draw(pieces) + text[start:]):
        assert valid(read_verdict(damaged, len(table)), len(table))


@given(table=st.lists(scores, min_size=2, max_size=30), kept=st.integers(0, 30))
def test_of_an_answer_that_was_cut_off_the_whole_entries_count(table: list[float], kept: int) -> None:
    """They have the scores they were given."""
    entries = [json.dumps({"n": n, "score": score}) for n, score in enumerate(table, start=1)]
    text = f'{{"scores":[{",".join(entries[:kept])},{{"n":'
    wanted = dict(list({n: float(score) for n, score in enumerate(table, start=1)}.items())[:kept])
    assert read_verdict(text, len(table)).scores == (wanted if 2 * len(wanted) >= len(table) else {})
