"""`make fuzz`: so many inputs through every decoder, and what came of them.

With atheris (the extra `fuzz`) inputs are found by coverage, each decoder in a process of its own; without it by what
the decoders say. A failing input is kept as a file; `--input FILE` runs it again.
"""

import argparse
import json
import logging
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.fuzz.campaign import KEPT, blind, kept_name
from tests.fuzz.targets import Target, targets


def main() -> int:
    """Fuzz, print a table, or JSON on the last line.

    Returns:
        1 when a decoder raised anything but its one error.
    """
    arguments = _arguments()
    logging.disable(logging.CRITICAL)
    known = targets()
    if arguments.input:
        return _again(arguments.input, known)
    guided = find_spec("atheris") is not None and not arguments.blind
    say = Console(stderr=True, markup=False)
    if not guided:
        say.print("Without coverage: `pip install '.[fuzz]'` brings atheris, which sees it.")
    found = []
    for name in arguments.decoder or known:
        began = time.monotonic()
        one = _guided(name, arguments) if guided else _blind(known[name], arguments)
        found.append(one | {"seconds": round(time.monotonic() - began, 1)})
        say.print(f"{name}: {one['inputs']:,} inputs, {len(one['failures'])} failures", highlight=False)
    failures = sum(len(one["failures"]) for one in found)
    Console().print(_table(found))
    if failures:
        print(f"Failing inputs are in {KEPT}: python -m tests.fuzz --input FILE")  # noqa: T201
    if arguments.json:
        how = "atheris" if guided else "outcomes"
        print(json.dumps({"guided_by": how, "seed": arguments.seed, "failures": failures, "decoders": found}))  # noqa: T201
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="per decoder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decoder", action="append", help="only this one; may be given again")
    parser.add_argument("--blind", action="store_true", help="without atheris although it is there")
    parser.add_argument("--input", type=Path, help="run one kept input again")
    parser.add_argument("--json", action="store_true", help="JSON on the last line")
    return parser.parse_args()


def _blind(target: Target, arguments: argparse.Namespace) -> dict[str, Any]:
    tally = blind(target, inputs=arguments.inputs, seed=arguments.seed)
    tally.keep(KEPT)
    return tally.plain()


def _guided(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(arguments.inputs), str(arguments.seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return dict(json.loads(done.stdout.rstrip().rpartition("\n")[2]))
    except ValueError:
        raise SystemExit(f"{name}: the fuzzer ended with code {done.returncode}\n{done.stderr[-3000:]}") from None


def _again(file: Path, known: dict[str, Target]) -> int:
    name = file.name.partition("~")[0]
    target = next(one for one in known.values() if kept_name(one.name, b"").startswith(name + "~"))
    print(f"{target.name}: {target.run(file.read_bytes())!r}"[:2000])  # noqa: T201
    return 0


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table("decoder", "inputs", "accepted", "refused, by reason", "failures", "s")
    for one in found:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(one["refused"].items()))
        failures = "\n".join(f"{what}: {file}" for what, file in one["failures"].items()) or "0"
        table.add_row(
            one["decoder"], f"{one['inputs']:,}", f"{one['accepted']:,}", reasons, failures, f"{one['seconds']}"
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main())
