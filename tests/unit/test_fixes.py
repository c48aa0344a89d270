"""How an operator mends records: a JSON Patch, or a function in a Python file."""

import json
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from streams.dead.fixes import FixError, load_fix


def written(folder: Path, name: str, text: str) -> Path:
    """Write a file."""
    file = folder / name
    file.write_text(text)
    return file


def test_a_patch_changes_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    """Numbers and letters of every script as they were."""
    patch = [{"op": "move", "from": "/sku", "path": "/id"}, {"op": "add", "path": "/items/-", "value": 2}]
    fix = load_fix(written(tmp_path, "fix.json", json.dumps(patch)))
    value = '{"sku":"ж","items":[1],"n":12345678901234567890,"price":0.1}'.encode()
    assert fix(value) == '{"items":[1,2],"n":12345678901234567890,"price":0.1,"id":"ж"}'.encode()


@pytest.mark.parametrize("value", [b"{nope", b"\xff", b"", b"[]", b"7", b"[" * 100_000])
def test_a_letter_that_a_patch_does_not_fit_is_left(tmp_path: Path, value: bytes) -> None:
    """It is not JSON, or has not what the patch wants."""
    patch = [{"op": "replace", "path": "/name", "value": "x"}]
    with pytest.raises(FixError):
        load_fix(written(tmp_path, "fix.json", json.dumps(patch)))(value)


def test_a_patch_leaves_what_does_not_pass_its_test(tmp_path: Path) -> None:
    """So that one patch does not break what another mends."""
    patch = [{"op": "test", "path": "/name", "value": "teleport"}, {"op": "replace", "path": "/name", "value": "x"}]
    assert load_fix(written(tmp_path, "fix.json", json.dumps(patch)))(b'{"name":"other"}') is None


@pytest.mark.parametrize("text", ["{", "{}", "7", '[{"op":"fly"}]', '[{"op":"add","path":"name","value":1}]', "[1]"])
def test_what_is_no_patch_is_refused_before_anything_is_read(tmp_path: Path, text: str) -> None:
    """In a sentence."""
    with pytest.raises(RefusedError, match=r"fix\.json is not a JSON Patch"):
        load_fix(written(tmp_path, "fix.json", text))


def test_a_function_gives_bytes_or_leaves_the_letter(tmp_path: Path) -> None:
    """By None."""
    fix = load_fix(written(tmp_path, "fix.py", "def fix(value):\n    return value[1:] or None\n"))
    assert (fix(b"ab"), fix(b"a")) == (b"b", None)


@pytest.mark.parametrize("body", ["return 'text'", "return 1 / 0", "raise SystemError", "return fix(value)"])
def test_a_function_that_fails_leaves_the_letter(tmp_path: Path, body: str) -> None:
    """Whatever it raises, and if what it gives is not bytes."""
    with pytest.raises(FixError):
        load_fix(written(tmp_path, "fix.py", f"def fix(value):\n    {body}\n"))(b"x")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("fix.py", "def mend(value): ...", "has no function"),
        ("fix.py", "fix = 7", "has no function"),
        ("fix.py", "def fix(", "cannot be run"),
        ("fix.py", "1 / 0", "cannot be run"),
        ("fix.sh", "", "is neither"),
    ],
)
def test_a_file_that_is_no_fix_is_refused(tmp_path: Path, name: str, text: str, why: str) -> None:
    """With what it should be."""
    with pytest.raises(RefusedError, match=why):
        load_fix(written(tmp_path, name, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """In a sentence too."""
    with pytest.raises(RefusedError, match="There is no file"):
        load_fix(tmp_path / "fix.json")
