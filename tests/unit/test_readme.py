"""What README.md and docs/ tell a reader to run is there, and their links lead somewhere."""

import re
import shlex
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest

from models.constants import Constants
from streams.cli.main import COMMANDS, load
from streams.constants_file import load_constants

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
SETTING = re.compile(r"[A-Z_]+=")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def blocks(language: str) -> list[Any]:
    """Give the code blocks of a language in all pages."""
    return [
        pytest.param(text, id=f"{page.name}-{number}")
        for page in PAGES
        for number, (name, text) in enumerate(BLOCK.findall(page.read_text()))
        if name == language
    ]


def calls(program: str) -> list[Any]:
    """Give the arguments of each line of the shell blocks that calls a program."""
    return [pytest.param(rest, id=shlex.join(rest)) for first, *rest in shell_lines() if first == program]


def shell_lines() -> list[list[str]]:
    """Give the words of all lines of the shell blocks, without the variables set in front."""
    lines = [line for block in blocks("sh") for line in block.values[0].splitlines()]
    split = (list(dropwhile(SETTING.match, shlex.split(line, comments=True))) for line in lines)
    return [words for words in split if words]


def spans() -> list[str]:
    """Give what stands between backquotes in the prose."""
    return [span for page in PAGES for span in re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text()))]


def test_each_block_is_of_a_kind_that_is_tested() -> None:
    """Python is run, shell is parsed, constants are loaded; records, alerts and JavaScript have their own tests."""
    found = {name for page in PAGES for name, _ in BLOCK.findall(page.read_text())}
    assert {"python", "sh"} <= found <= {"python", "sh", "toml", "json", "promql", "js", "html", "nginx"}
    assert {first for first, *_ in shell_lines()} <= {"aisle", "make", "export"}


@pytest.mark.parametrize("text", blocks("python"))
def test_python_runs_as_it_stands(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In a namespace of its own; it prints what it is there to show."""
    exec(compile(text, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


@pytest.mark.parametrize("text", blocks("toml"))
def test_constants_can_be_loaded(text: str, tmp_path: Path) -> None:
    """And are others than the defaults."""
    path = tmp_path / "constants.toml"
    path.write_text(text)
    assert load_constants(path) != Constants()


@pytest.mark.parametrize("arguments", calls("aisle"))
def test_command_lines_are_understood(arguments: list[str]) -> None:
    """Command, arguments and options are read as by `aisle`, which runs nothing."""
    name, *rest = arguments
    command = load(name)
    while hasattr(command, "commands"):
        name, *rest = rest
        command = command.commands[name]
    command.make_context(name, rest)


@pytest.mark.parametrize("arguments", calls("make"))
def test_make_has_the_targets(arguments: list[str]) -> None:
    """Variables aside."""
    assert {word for word in arguments if "=" not in word} <= TARGETS


def test_commands_named_in_the_prose_are_there() -> None:
    """What stands in backquotes after `aisle` is a command, after `make` a target."""
    words = [span.split()[:2] for span in spans()]
    assert {word[1] for word in words if word[0] == "aisle" and len(word) > 1} <= COMMANDS.keys()
    assert {word[1] for word in words if word[0] == "make" and len(word) > 1} <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """Those within the repository."""
    links = re.findall(r"\]\(([^)#\s]+)", BLOCK.sub("", page.read_text()))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
