"""`aisle`: the commands, each loaded only when it is called."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from schemas.errors import RefusedError

ABOUT = "Real-time retail personalisation on Kafka: clickstream in, explained recommendation slates out."

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("streams.cli.demo:app", "A generated shop and simulated shoppers, live in the terminal."),
    "evaluate": ("streams.cli.evaluate:evaluate", "How good the recommendations are on a log."),
    "tune": ("streams.cli.tune:tune", "Search the constants that suit a log."),
    "run": ("streams.cli.run:run", "The whole engine over one file of events."),
    "worker": ("streams.cli.worker:app", "Work on the stream: clicks, catalog or judge."),
    "gateway": ("streams.cli.gateway:gateway", "Events in and slates out over HTTP, for pages and servers."),
    "console": ("streams.cli.console:console", "For operators: live figures, and why a visitor sees what they see."),
    "keys": ("streams.cli.keys:app", "API keys of servers and operators."),
    "topics": ("streams.cli.topics:app", "Create and list the topics."),
    "import": ("streams.cli.imports:app", "Bring files of events, or a catalogue, into Kafka."),
    "backfill": ("streams.cli.backfill:backfill", "History into state and model, before the shop opens."),
    "precompute": ("streams.cli.precompute:precompute", "Judgements ahead of time, and slates of campaigns."),
    "replay": ("streams.cli.replay:replay", "Past events again: --apply serves the result, --verify proves slates."),
    "repartition": ("streams.cli.repartition:repartition", "More partitions; every visitor moves to theirs."),
    "generations": ("streams.cli.generations:app", "Which states and model are served; list, roll back, delete."),
    "explain": ("streams.cli.explain:explain", "Why a visitor saw what they saw: a recorded slate, explained."),
    "audit": ("streams.cli.audit:audit", "Who gets shown, and is it what people want? Verdicts and a report."),
    "dead": ("streams.cli.dead:app", "Dead letters: count them, look at them, send them again, remove them."),
    "doctor": ("streams.cli.doctor:doctor", "Say what is there, what is missing, and the next step."),
    "schema": ("streams.cli.schema:app", "The records as JSON schemas, the topics as AsyncAPI."),
}
"""Where each command is (a typer app or a function) and its line of help: kept here, so that help loads no command."""

USAGE = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit.

    Exit codes: 0 done, 1 refused with one sentence, 2 usage, 130 interrupted. Any other exception is our bug and keeps
    its trace.
    """
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in {"--help", "-h"}:
        print(_help())
    elif name == "--version":
        from importlib.metadata import version

        print(f"aisle {version('aisle')}")
    elif name not in COMMANDS:
        print(f"aisle: there is no command {name}.\n\n{_help()}", file=sys.stderr)
        sys.exit(USAGE)
    else:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its threads spin on a shared core
        _quiet_clients()
        _run(name, rest)


def load(name: str) -> Any:
    """Give a command as typer made it."""
    import typer

    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer()
        app.command()(found)
        found = app
    found._add_completion = False  # noqa: SLF001  no public way to say so after the app was made
    return typer.main.get_command(found)


def _run(name: str, arguments: Sequence[str]) -> None:
    try:
        load(name).main(args=list(arguments), prog_name=f"aisle {name}")
    except RefusedError as refusal:
        print(f"aisle: {refusal}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except SystemError as error:
        if not _interrupted(error):
            raise
        sys.exit(130)


def _interrupted(error: SystemError) -> bool:
    """Tell whether it was Ctrl-C inside a compiled kernel: each dispatcher on the way up wraps it once."""
    cause: BaseException | None = error
    while isinstance(cause, SystemError):
        cause = cause.__cause__
    return isinstance(cause, KeyboardInterrupt)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: aisle COMMAND [ARGS]...",
            "",
            ABOUT,
            "",
            "Commands (aisle COMMAND --help says more):",
            *lines,
            "",
            "Options: --help, --version",
        ]
    )


def _quiet_clients() -> None:
    """Keep kafka-python's own complaints off the terminal: what they come to is said in our sentence."""
    import logging

    logging.getLogger("kafka").addHandler(logging.NullHandler())


if __name__ == "__main__":
    main()
