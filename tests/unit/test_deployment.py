"""The deployment files, as far as they can be checked without a container engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.cli.main import COMMANDS, load
from streams.env_example import env_example
from streams.reference import variable
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
VARIABLES = {variable(name, field) for name, field in Settings.model_fields.items()}
OF_THE_MODEL = re.compile("openai_|llm_|judge")
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*")


def services() -> list[Any]:
    """Give each service by name."""
    return [pytest.param(service, id=name) for name, service in COMPOSE["services"].items()]


@pytest.mark.parametrize("service", services())
def test_images_are_pinned(service: dict[str, Any]) -> None:
    """No `latest`: the same file gives the same system."""
    assert PINNED.fullmatch(service["image"])


@pytest.mark.parametrize("service", services())
def test_ports_are_open_to_this_machine_alone(service: dict[str, Any]) -> None:
    """Nothing here asks for a password."""
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("service", services())
def test_every_service_can_tell_its_health(service: dict[str, Any]) -> None:
    """Except the job, which ends."""
    assert "healthcheck" in service


@pytest.mark.parametrize("service", [one for one in services() if "build" in one.values[0]])
def test_our_services_run_commands_that_exist_with_settings_that_exist(service: dict[str, Any]) -> None:
    """`command` is a command of `aisle`, every variable is one of Settings."""
    name, *commands = service["command"]

    assert name in COMMANDS
    assert not commands or commands[0] in load(name).commands
    assert set(service["environment"]) <= VARIABLES


@pytest.mark.parametrize("name", ["worker-clicks", "worker-judge"])
def test_every_setting_of_the_language_model_reaches_who_reads_it(name: str) -> None:
    """A model whose prices stay behind is paid for by those of another; the defaults are those of Settings."""
    told = COMPOSE["services"][name]["environment"]
    own = {variable(field, about): about for field, about in Settings.model_fields.items() if OF_THE_MODEL.match(field)}

    assert len(own) > 8
    for setting, about in own.items():
        given = re.fullmatch(r"\$\{" + setting + r":?-(.*)\}", told[setting])
        assert given is not None
        assert given[1] == str(about.default or "") or float(given[1]) == about.default


def test_the_image_is_pinned_not_root_and_sets_what_exists() -> None:
    """Both stages from one pinned image; the last user is ours."""
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    assert len(set(images)) == 1
    assert PINNED.fullmatch(images[0])
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["aisle"]
    assert set(re.findall(r"\bAISLE_[A-Z_]+", DOCKERFILE)) <= VARIABLES


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    """A file missing from the build's context is found only by the engine otherwise."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [
        path for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for path in line.split()
    ]

    assert copied
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in ignored


def test_every_dependency_is_pinned_without_an_address() -> None:
    """Where packages come from is the machine's business."""
    lines = [
        line for line in (ROOT / "deploy" / "constraints.txt").read_text().splitlines() if not line.startswith("#")
    ]

    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!+-]+", line) for line in lines)


def test_the_example_environment_is_made_from_the_settings() -> None:
    """Run `python -m streams.env_example > .env.example` after a change."""
    assert (ROOT / ".env.example").read_text() == env_example()
