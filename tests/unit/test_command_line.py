"""What `aisle` does before and around a command."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli.main import COMMANDS, load, main

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `aisle` as a user does, with nothing of this process's environment."""
    command = [sys.executable, "-m", "streams.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=60)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With a line for each, and without loading one."""
    main(["--help"])

    text = capsys.readouterr().out
    assert all(f"  {name} " in text and line in text for name, (_, line) in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads(name: str) -> None:
    """What help lists is there."""
    assert load(name).get_help is not None


def test_ctrl_c_inside_a_compiled_kernel_ends_as_anywhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """By exit code 130: the dispatcher of compiled code wraps what it did not expect. Other such errors are bugs."""

    class Interrupted:
        def __init__(self, cause: BaseException | None) -> None:
            self.cause = cause

        def main(self, **_options: object) -> None:
            raise SystemError("returned a result with an exception set") from self.cause

    inner = SystemError("returned a result with an exception set")
    inner.__cause__ = KeyboardInterrupt()
    monkeypatch.setattr("streams.cli.main.load", lambda _name: Interrupted(inner))
    with pytest.raises(SystemExit) as stopped:
        main(["doctor"])
    assert stopped.value.code == 130
    monkeypatch.setattr("streams.cli.main.load", lambda _name: Interrupted(None))
    with pytest.raises(SystemError):
        main(["doctor"])


def test_a_refusal_is_one_sentence_and_exit_code_1() -> None:
    """No broker: what to do, no trace."""
    done = run("topics", "create", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")

    assert done.returncode == 1
    assert re.fullmatch(r"aisle: No Kafka broker answers at 127\.0\.0\.1:1 .*\n", done.stderr)


def test_doctor_fails_where_something_is_broken_and_not_where_something_is_absent() -> None:
    """A broker that is set and away is broken; none, and no language model, is how one starts."""
    broken = run("doctor", "--json", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    absent = run("doctor")

    assert (broken.returncode, absent.returncode) == (1, 0)
    levels = {finding["name"]: finding["level"] for finding in json.loads(broken.stdout)["findings"]}
    assert (levels["broker"], levels["language model"]) == ("problem", "note")


def test_a_judge_without_a_language_model_says_what_to_set() -> None:
    """Before it starts anything; the broker comes second."""
    done = run("worker", "judge")

    assert done.returncode == 1
    assert re.fullmatch(r"aisle: There is no language model to judge with: set OPENAI_API_KEY, or .*\n", done.stderr)


def test_an_unknown_command_is_exit_code_2() -> None:
    """Usage, with the commands there are."""
    done = run("sing")

    assert done.returncode == 2
    assert "there is no command sing" in done.stderr
    assert "Commands" in done.stderr


def test_schemas_of_all_records_are_exported(tmp_path: Path) -> None:
    """As JSON, one file each, and the topics beside them."""
    done = run("schema", "export", str(tmp_path))

    assert done.returncode == 0
    assert json.loads((tmp_path / "Event.schema.json").read_text())["title"] == "Event"
    assert json.loads((tmp_path / "asyncapi.json").read_text())["asyncapi"] == "3.0.0"
    assert len(list(tmp_path.iterdir())) == 15


def test_make_lists_its_targets() -> None:
    """`make` alone is help."""
    done = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True, timeout=30)

    assert all(f"make {target} " in done.stdout for target in ("demo", "test", "check", "bench"))
