"""What `aisle dead` prints: whatever a letter holds, a terminal obeys none of it."""

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead import DeadLetter, Source, dead_letter
from schemas.errors import DecodeError
from schemas.letter_id import LetterId, Place
from schemas.topics import EVENTS, PRODUCTS
from streams.cli.dead_tables import letter_json
from streams.cli.main import main
from streams.dead.showing import describe, describe_value

SOURCE = Source(topic=EVENTS, partition=3, offset=1742, timestamp=datetime(2026, 5, 1, 12, tzinfo=UTC))
OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Control characters, those that turn the reading order around, halves of characters, other ends of line."""


def letter(value: bytes | None, detail: str = "x", key: bytes | None = b"v1", **headers: str) -> DeadLetter:
    """Make a letter."""
    return dead_letter(DecodeError("schema", detail), source=SOURCE, key=key, value=value, headers=headers)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.text(max_size=50), st.binary(max_size=20))
def test_nothing_but_printable_characters_comes_out(value: bytes, text: str, key: bytes) -> None:
    """Of value, key, headers and detail, for people and for scripts."""
    one = letter(value, text, key, trace=text)
    shown = "".join(describe(one)) + letter_json(one)
    assert not [char for char in shown if unicodedata.category(char) in OBEYED]


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_is_indented_and_still_the_same(found: Any) -> None:
    """Where no character of it had to be escaped."""
    shown = "\n".join(describe_value(json.dumps(found).encode()))
    if "\\" not in shown and len(shown) < 150:
        assert json.loads(shown) == found


def test_text_that_is_no_json_is_shown_with_the_place() -> None:
    """Where the parser gave up."""
    why, *place = list(describe_value(b'{"name": teleport}'))[:3]
    assert why.startswith("not JSON: ")
    assert place == ['  {"name": teleport}', f"  {' ' * 9}^ character 10"]


def test_bytes_are_shown_in_hex() -> None:
    """With the first one that is no text, and what of them is."""
    assert list(describe_value(b"ok\xff\x1b[2J")) == [
        "not UTF-8 from byte 2 on: 0xff",
        f"00000000  {'6f 6b ff 1b 5b 32 4a':<47}  ok..[2J",
    ]


@pytest.mark.parametrize("value", [b"[" * 600 + b"]" * 600, b"[" * 5000, b"x" * 100_000, b"\xff" * 100_000, b"", None])
def test_whatever_is_long_or_deep_or_nothing_is_shown(value: bytes | None) -> None:
    """On a screen or a few, and with how to get the rest."""
    lines = list(describe(letter(value)))
    assert sum(map(len, lines)) < 6_000
    assert ("--raw writes what is kept" in lines[-1]) == (len(value or b"") > 4_096)


def test_a_cut_value_says_so() -> None:
    """And what follows from it."""
    assert any("cut: only the first 655,360 were kept" in line for line in describe(letter(b"x" * 700_000)))


@pytest.mark.parametrize(
    "text", ["", "events", "events/3", "events/3/x", "learning/3/4", "events/-1/2", "events/3/4/5"]
)
def test_what_is_no_id_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With an example of one."""
    assert Place.parse(text) is None
    with pytest.raises(SystemExit) as ended:
        main(["dead", "show", "--", text])
    assert ended.value.code == 1
    assert "an id is like events/3/1742" in capsys.readouterr().err


def test_ids_are_what_one_types() -> None:
    """Short or whole, both topics."""
    assert Place.parse("products/0/17") == (PRODUCTS, 0, 17)
    assert Place.parse(str(LetterId(EVENTS, 3, 1742, 5))) == (EVENTS, 3, 1742)


def test_letters_of_two_lives_of_a_topic_are_two() -> None:
    """At the same place, at another time; packed or not."""
    ids = {LetterId(EVENTS, p, o, at) for p in (0, 1) for o in (0, 1 << 40) for at in (0, 1 << 47)}
    assert len({one.packed() for one in ids}) == len(ids)
    assert {LetterId.read(one.header()) for one in ids} == ids


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "--reason", "boredom"), "--reason is one of"),
        (("list", "--topic", "learning"), "--topic is events or products"),
        (("list", "--from", "yesterday"), "is no time"),
        (("requeue", "--origin", "mars"), "neither import nor replay"),
        (("requeue", "--fix", "nowhere.json"), "There is no file"),
        (("purge",), "--to a time, or --all"),
        (("purge", "--all", "--to", "2h"), "--to a time, or --all"),
        (("list",), "KAFKA_BOOTSTRAP_SERVERS is not set"),
    ],
)
def test_a_mistake_is_answered_in_a_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which says what to write instead."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["dead", *arguments])
    assert ended.value.code == 1
    assert sentence in capsys.readouterr().err
