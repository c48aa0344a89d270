"""How the examples of deploy/examples are run: each by its own runtime, with what its README installs."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from schemas.errors import RefusedError
from streams.brokers.jars import find_java, kafka_jars
from streams.brokers.maven import SHORT, cache_dir
from tests.conftest import ROOT, absent

EXAMPLES = ROOT / "deploy" / "examples"
NPM_S = 100

Command = tuple[str, ...]


def python_command(folder: Path, name: str) -> Command:
    """Run with the interpreter of the tests, which has kafka-python."""
    return (sys.executable, str(EXAMPLES / "python" / f"{name}.py"))


def node_command(folder: Path, name: str) -> Command:
    """Run a copy in a folder that has what its package.json asks for."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        absent("no Node.js: install node and npm")
    for file in (EXAMPLES / "node" / "package.json", EXAMPLES / "node" / f"{name}.js"):
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(_node_modules(str(npm)))
    return (str(node), str(folder / f"{name}.js"))


def java_command(folder: Path, name: str) -> Command:
    """Run the source against the jars that are there for the broker: the same clients."""
    if shutil.which("javac") is None:
        absent("no JDK: install one, 17 or later, such as Debian's openjdk-17-jdk-headless")
    jars = java_jars()
    return (find_java(), *SHORT, "-cp", f"{jars}/*", str(EXAMPLES / "java" / f"{name.capitalize()}.java"))


CLIENTS: dict[str, Callable[[Path, str], Command]] = {
    "python": python_command,
    "node": node_command,
    "java": java_command,
}
"""By language: the command of `producer` or `consumer`, in a folder of its own; absent where the runtime is."""


def java_jars() -> Path:
    """Give the directory of the jars."""
    try:
        find_java()
        jars = kafka_jars(cache_dir(), lambda _: None)
    except RefusedError as error:
        absent(str(error))
    return jars


def _node_modules(npm: str) -> Path:
    """Install once for all runs; whoever comes second to it takes what is there."""
    wanted = EXAMPLES / "node" / "package.json"
    installed = cache_dir() / f"node-{sha256(wanted.read_bytes()).hexdigest()[:12]}"
    if not installed.is_dir():
        cache_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir()) as part:
            shutil.copy(wanted, part)
            command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=part, capture_output=True, text=True, check=False, timeout=NPM_S)
            if done.returncode:
                absent(f"npm could not install kafkajs: {done.stderr.strip()[-300:]}")
            if not installed.is_dir():
                shutil.move(Path(part) / "node_modules", installed)
    return installed
