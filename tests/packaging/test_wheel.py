"""The wheel, in a clean environment."""

import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELP_S = 1.5
"""Twice the promised half second and more: machines are busy."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone; what it depends on is borrowed from here by a path file."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = place.glob("aisle-*.whl")
    venv.create(place / "venv", with_pip=False)
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(place / "venv/bin/python"),
        "install",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    (packages,) = (place / "venv").glob("lib/python*/site-packages")
    # Only the path itself: the path files in it would bring the editable installation along.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "venv"


def python(environment: Path, program: str) -> str:
    """Run a program with the installed packages, away from the repository."""
    command = [environment / "bin/python", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", timeout=60).stdout


def test_help_answers_at_once(environment: Path) -> None:
    """The command is there and loads nothing it does not need."""
    started = time.perf_counter()
    done = subprocess.run([environment / "bin/aisle", "--help"], capture_output=True, text=True, check=True, cwd="/")

    assert "doctor" in done.stdout
    assert time.perf_counter() - started < HELP_S


def test_the_three_packages_come_from_the_wheel_in_one_folder(environment: Path) -> None:
    """site-packages gets `aisle/`, not three generic names."""
    program = "import schemas, models, streams; print(schemas.__file__, models.__file__, streams.__file__)"
    said = python(environment, program)

    assert said.count("/site-packages/aisle/") == 3
    assert str(ROOT) not in said


def test_the_broker_for_tests_comes_with_the_wheel(environment: Path) -> None:
    """Where there is Java and Maven, an installation can start Apache Kafka."""
    program = "from streams.brokers.jars import POM; print(POM.is_file())"
    said = python(environment, program)

    assert said == "True\n"


def test_the_template_of_reports_comes_with_the_wheel(environment: Path) -> None:
    """A page needs it beside its module."""
    program = "from streams.pages import Page; print('<h1>Audit</h1>' in Page('Audit').html())"
    said = python(environment, program)

    assert said == "True\n"


@pytest.mark.parametrize("module", ["models", "streams.cli.main", "streams.settings", "streams.kafka"])
def test_light_modules_load_nothing_heavy(environment: Path, module: str) -> None:
    """torch, numba and faust come with what needs them."""
    program = f"import sys, {module}; print(sorted({{'torch', 'numba', 'faust', 'river'}} & set(sys.modules)))"
    said = python(environment, program)

    assert said == "[]\n"


def test_the_tracker_comes_with_the_wheel(environment: Path) -> None:
    """Pages load it from the gateway."""
    program = "from streams.tracker import script; print(script().body.startswith(b'window.aisle='))"
    said = python(environment, program)

    assert said == "True\n"
