"""Opening, fingerprinting and reading lines of files, however broken."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from streams.sources.lines import MAX_LINE_BYTES, fingerprint, opened, text_lines


def lines_of(path: Path) -> tuple[list[str], Counter[str]]:
    """Read all lines."""
    refused: Counter[str] = Counter()
    with opened(path) as stream:
        return list(text_lines(stream, refused)), refused


def test_packing_a_file_does_not_change_what_it_holds(tmp_path: Path) -> None:
    """The same content has one fingerprint, gzipped or plain."""
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(b"a,b\n1,2\n")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert fingerprint(plain) == fingerprint(packed)
    assert fingerprint(plain).lines == 2


def test_a_last_line_without_its_end_is_counted(tmp_path: Path) -> None:
    """Editors leave the last newline out."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\nb")
    assert fingerprint(path).lines == 2


def test_a_truncated_gzip_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """Half a download is told before anything of it is used."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 400)[:-20])
    with pytest.raises(RefusedError, match=r"ends in the middle of its gzip stream: fetch it again\.$"):
        fingerprint(path)


def test_a_damaged_gzip_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """So is one whose bytes were changed."""
    packed = bytearray(gzip.compress(bytes(range(256)) * 400))
    packed[40] ^= 0xFF
    packed[60:80] = bytes(20)
    path = tmp_path / "a.gz"
    path.write_bytes(packed)
    with pytest.raises(RefusedError, match="gzip"):
        fingerprint(path)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_what_is_no_file_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    """An absent file and a directory."""
    with pytest.raises(RefusedError, match="check the path"):
        fingerprint(tmp_path / name)


def test_utf16_is_refused_by_name(tmp_path: Path) -> None:
    """Spreadsheets export it as "Unicode text"."""
    path = tmp_path / "a.csv"
    path.write_bytes("a,b\n".encode("utf-16"))
    with pytest.raises(RefusedError, match="UTF-16"), opened(path):
        pass


def test_bom_emoji_and_latin1_are_read(tmp_path: Path) -> None:
    """The BOM goes, UTF-8 stays, and a line in Latin-1 does not stop the rest."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfname\n" + "🛒 סל\n".encode() + "£5 café\n".encode("latin-1"))
    assert lines_of(path)[0] == ["name\n", "🛒 סל\n", "£5 café\n"]


def test_an_endless_line_is_skipped_without_being_held(tmp_path: Path) -> None:
    """It is counted, leaves a blank line so that later line numbers hold, and the next line is read."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n" + b"x" * (3 * MAX_LINE_BYTES) + b"\nb\n")
    lines, refused = lines_of(path)
    assert lines == ["a\n", "\n", "b\n"]
    assert refused == {"line too long": 1}
