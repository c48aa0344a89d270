"""Apache Kafka's jars: fetched once by Maven, shared between runs."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from schemas.errors import RefusedError

POM = Path(__file__).parents[2] / "deploy" / "broker" / "pom.xml"
JAVA_AT_LEAST = 17
_FETCH_S = 600


def find_java() -> str:
    """Give the path of a Java that runs Kafka.

    Raises:
        RefusedError: there is none, or it is too old.
    """
    java = shutil.which("java", path=_java_path())
    if java is None:
        raise RefusedError("Java is missing: install a JRE 17 or later, such as Debian's openjdk-17-jre-headless.")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr  # noqa: S603
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < JAVA_AT_LEAST:
        raise RefusedError(f"{java} is too old for Kafka: install a JRE {JAVA_AT_LEAST} or later.")
    return java


def kafka_jars(cache: Path, progress: Callable[[str], object]) -> Path:
    """Give the directory of the jars, fetching them where they are not there yet.

    Args:
        cache: directory shared between runs; one process fetches, others wait for it.
        progress: called before the wait.

    Raises:
        RefusedError: Maven is missing or fails.
    """
    jars = cache / f"kafka-{sha256(POM.read_bytes()).hexdigest()[:12]}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise RefusedError("Maven is missing: install it (Debian: maven), or set KAFKA_BOOTSTRAP_SERVERS.")
    with _lock(cache):
        if not jars.is_dir():
            progress("Fetching Apache Kafka by Maven (54 MB, once)")
            _fetch(maven, jars)
    return jars


def _fetch(maven: str, jars: Path) -> None:
    part = jars.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_S)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise RefusedError(f"Maven did not fetch Apache Kafka within {_FETCH_S} s: check the network.") from None
    if done.returncode:
        said = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no reason given")
        raise RefusedError(f"Maven could not fetch Apache Kafka: {said.strip()[:300]}")
    part.rename(jars)


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _java_path() -> str:
    home = os.environ.get("JAVA_HOME")
    path = os.environ.get("PATH", os.defpath)
    return f"{home}/bin{os.pathsep}{path}" if home else path
