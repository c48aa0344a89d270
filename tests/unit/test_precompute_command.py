"""`aisle precompute` as a command: what it refuses before it reaches a broker."""

import re
from pathlib import Path

import pytest

from streams.cli.main import main

KEYS = ["--segments", "any", "--intents", "outdoor/kids"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], r"Name keys \(--segments and --intents\) or visitors"),
        ([*KEYS, "--visitors", "FILE", "--campaign", "c"], "Name keys .* or visitors"),
        ([*KEYS, "--no-judge"], "--campaign and --no-judge belong to --visitors"),
        (["--segments", "any", "--intents", "outdoor"], "'outdoor' is no intent: write DEPARTMENT/WHOM"),
        (["--visitors", "FILE"], "--visitors needs --campaign NAME"),
        (["--visitors", "none.txt", "--campaign", "c"], "none.txt cannot be read"),
        ([*KEYS, "--most-usd", "inf"], "--most-usd inf is no amount of money"),
        (KEYS, "There is no language model to ask: set OPENAI_API_KEY or OPENAI_BASE_URL"),
        ([*KEYS, "--dry-run"], "KAFKA_BOOTSTRAP_SERVERS"),
        (["--visitors", "FILE", "--campaign", "c", "--no-judge"], "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sentence: str,
) -> None:
    """Exit code 1; what needs no language model goes on to the broker, of which none is named here."""
    file = tmp_path / "visitors.txt"
    file.write_text("v1\n")
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as refused:
        main(["precompute", *(str(file) if option == "FILE" else option for option in options)])
    said = capsys.readouterr().err
    assert refused.value.code == 1
    assert said.startswith("aisle: ")
    assert said.count("\n") == 1
    assert re.search(sentence, said)
