"""`aisle keys`: made, listed, taken away."""

import json
import stat
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from streams.cli.keys import add, list_keys, remove
from streams.web.keys import Holder, KeyRing


def test_a_key_is_printed_once_and_kept_as_a_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is its owner's alone, and opens nothing to who reads it."""
    file = tmp_path / "keys"
    add("shop", "server", file)
    key = capsys.readouterr().out.strip()

    assert key.startswith("aisle_")
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KeyRing(file).holder(key) == Holder("shop", "server")


def test_keys_come_and_go_and_what_else_is_in_the_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gateway that runs sees it; a file that all could read is closed, and a link stays one."""
    real, file = tmp_path / "real", tmp_path / "keys"
    real.write_text("# ours\n\n")
    real.chmod(0o644)
    file.symlink_to(real)
    ring = KeyRing(file)
    for name, role in (("shop", "server"), ("ann", "operate")):
        add(name, role, file)  # type: ignore[arg-type]
    keys = capsys.readouterr().out.split()

    assert [ring.holder(key) for key in keys] == [("shop", "server"), ("ann", "operate")]
    remove("shop", file)
    assert [ring.holder(key) for key in keys] == [None, ("ann", "operate")]
    assert real.read_text().startswith("# ours\n\nann operate ")
    assert file.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    capsys.readouterr()
    list_keys(file, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"keys": [{"name": "ann", "role": "operate"}]}
    list_keys(file)
    assert capsys.readouterr().out == "ann  operate\n"


def test_what_cannot_be_done_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second key of one name, names that would spoil the file, no file, one that is none, one that is elsewhere."""
    file = tmp_path / "keys"
    add("shop", "server", file)
    with pytest.raises(RefusedError, match="shop has a key"):
        add("shop", "view", file)
    for name in ("", "a b", "#a", "a\n", "x" * 65):
        with pytest.raises(RefusedError, match="A key's name has"):
            add(name, "view", file)
    with pytest.raises(RefusedError, match="no key of ann"):
        remove("ann", file)
    with pytest.raises(RefusedError, match="cannot be written"):
        add("shop", "view", tmp_path / "nowhere" / "keys")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AISLE_KEYS_FILE", raising=False)
    with pytest.raises(RefusedError, match="set AISLE_KEYS_FILE"):
        list_keys()
    with pytest.raises(RefusedError, match="cannot be read"):
        list_keys(tmp_path / "none")
    file.write_text("nonsense\n")
    with pytest.raises(RefusedError, match="line 1"):
        add("ann", "view", file)
    assert file.read_text() == "nonsense\n"
