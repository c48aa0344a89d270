"""Any answer of a language model as a table of scores, or as nothing."""

import json
from time import perf_counter

import pytest

from models.json_within import json_within
from models.verdict import MAX_BYTES, read_verdict

WHOLE = '{"scores":[{"n":1,"score":7},{"n":2,"score":0},{"n":3,"score":10}]}'
SCORES = {1: 7.0, 2: 0.0, 3: 10.0}


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"\n {json.dumps(json.loads(WHOLE), indent=4)}\n",
        '[{"n":3,"score":10.0},{"n":1,"score":7e0},{"score":-0.0,"n":2}]',
        '{"1":7,"3":10,"2":0}',
        '{"scores":{"1":7,"2":0,"3":10}}',
        '{"model":"m","scores":[{"n":1,"score":7,"why":"dry"},{"n":2,"score":0},{"n":3,"score":10}]}',
    ],
)
def test_a_table_is_read_in_any_of_its_forms(text: str) -> None:
    """The object asked for, the list alone, scores by number; nothing is a fault."""
    assert read_verdict(text, 3) == (SCORES, {})


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{WHOLE}\n```",
        f"Here you are:\n{WHOLE}\nEnjoy!",
        f'<think>[1] is {{dry}}, as in {{"scores":[{{"n":1,"score":3}}]}}</think>{WHOLE}',
        f"{WHOLE[:-2]},",
        WHOLE[11:-2],
        f'{{"scores":[{{"n":1,"score":1}},{{"n":2,"score":1}},{{"n":3,"score":1}}]}} no: {WHOLE}',
    ],
)  # fmt: skip
def test_what_stands_around_a_table_is_passed_over(text: str) -> None:
    """A fence, prose, an example before it, a list that was cut off, a draft."""
    assert read_verdict(text, 3) == (SCORES, {"prose": 1})


@pytest.mark.parametrize(
    ("entry", "faults"),
    [
        ('{"n":4,"score":5}', {"foreign": 1}),
        ('{"n":0,"score":5},{"n":1.5,"score":5},{"n":"p1","score":5},{"n":null,"score":5}', {"foreign": 4}),
        ('{"n":true,"score":5},{"n":NaN,"score":5},{"n":1e999,"score":5}', {"foreign": 3}),
        ('{"n":3,"score":11},{"n":3,"score":-1},{"n":3,"score":1e999},{"n":3,"score":"-2"}', {"out_of_range": 4}),
        ('{"n":3,"score":true},{"n":3,"score":null},{"n":3,"score":NaN}', {"not_a_number": 3}),
        ('{"n":3,"score":"high"},{"n":3,"score":"7_0"},{"n":3,"score":[7]}', {"not_a_number": 3}),
        ('3,"x",null,[3,7],{},{"n":3},{"n":3,"n":2,"score":7},{"n":3,"score":1,"score":2}', {"malformed": 8}),
        ('{"n":3,"score":1},{"n":3,"score":2}', {"repeated": 1}),
        ('{"n":3,"score":%s}' % ("1" * 10_000), {"out_of_range": 1}),
        ('{"n":%s,"score":1}' % ("3" * 10_000), {"foreign": 1}),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_dropped_and_the_others_stay(entry: str, faults: dict[str, int]) -> None:
    """Each fault by its name; the third product is then missing."""
    verdict = read_verdict(f'{{"scores":[{{"n":1,"score":7}},{entry},{{"n":2,"score":0}}]}}', 3)
    assert verdict == ({1: 7.0, 2: 0.0}, {**faults, "missing": 1})


def test_what_is_only_written_oddly_is_taken() -> None:
    """Numbers as text, and one product scored twice alike."""
    verdict = read_verdict('[{"n":"1","score":" 7.5 "},{"n":2,"score":"3"},{"n":2,"score":3}]', 2)
    assert verdict == ({1: 7.5, 2: 3.0}, {"repaired": 2, "repeated": 1})
    assert read_verdict('{"1":7,"1":7,"2":3,"2":4,"note":"x"}', 2) == (
        {1: 7.0},
        {"repeated": 2, "foreign": 1, "missing": 1},
    )


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", {"not_json": 1}),
        ("I cannot help with that.", {"not_json": 1}),
        ("7", {"not_json": 1}),
        ('"[', {"not_json": 1}),
        ("[" * 5000 + "]" * 5000, {"not_json": 1}),
        (WHOLE + " " * MAX_BYTES, {"too_long": 1}),
        ("ä" * (MAX_BYTES // 2) + WHOLE, {"too_long": 1}),
        ("{}", {"missing": 3, "too_few": 1}),
        ('{"scores":"none"}', {"malformed": 1, "missing": 3, "too_few": 1}),
        ('{"scores":[{"n":1,"score":7}]}', {"missing": 2, "too_few": 1}),
        ("see [1]", {"malformed": 1, "prose": 1, "missing": 3, "too_few": 1}),
    ],
)
def test_half_of_an_answer_is_needed(text: str, faults: dict[str, int]) -> None:
    """Else there is nothing, and the faults say why."""
    assert read_verdict(text, 3) == ({}, faults)


def test_half_is_enough() -> None:
    """Two of four."""
    assert read_verdict('{"1":7,"4":3}', 4) == ({1: 7.0, 4: 3.0}, {"missing": 2})


def test_surrogates_are_read_over() -> None:
    """In the text and escaped in it."""
    assert read_verdict('\ud800 {"\\ud800":1,"1":7}', 1) == ({1: 7.0}, {"foreign": 1, "prose": 1})


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_BYTES,
        '{"a":' * 13_000,
        "[1," * 250 + "1," * 32_000,
        "[" * 250 + '"' + "a" * 65_000,
        '[{"n":1,"score":7},' * 3_400,
        "{}" * 32_000,
        '["' + "1" * 65_000 + '"]',
        '[{"n":1,"score":"' + " " * 65_000 + '"}]',
        '{"n":1,' * 9_000,
        "[" + "1" * 65_000 + "]",
    ],
    ids=range(10),
)  # fmt: skip
def test_no_answer_takes_long(text: str) -> None:
    """Nesting, half objects, huge numbers: all are read in a blink (50 ms here), and never raise."""
    started = perf_counter()
    assert read_verdict(text, 30).scores == {}
    assert perf_counter() - started < 1


def test_tries_in_vain_come_to_an_end() -> None:
    """A table behind thousands of open brackets is not looked for."""
    assert json_within("[x " * 200 + WHOLE).values
    assert not json_within("[x " * 300 + WHOLE).values
