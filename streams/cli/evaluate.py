"""`aisle evaluate`: how good the recommendations are on a log."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.evaluation.queries import Targets, Task


def evaluate(
    file: Annotated[Path, typer.Argument(help="Events of a shop, gzipped or plain.", show_default=False)],
    form: Annotated[str, typer.Option("--format", help="serenade, rees46, uci or csv.", show_default=False)],
    columns: Annotated[
        str | None,
        typer.Option(help="For csv, which column means what: session=..,item=..,time=..,user=..,kind=..,title=.."),
    ] = None,
    test: Annotated[Path | None, typer.Option(help="The test part, where it is a file of its own.")] = None,
    last: Annotated[str, typer.Option(help="Else, the last share of the log that is the test part.")] = "20%",
    protocol: Annotated[
        str | None, typer.Option(help="Only static (learning is frozen after the split) or prequential.")
    ] = None,
    task: Annotated[str, typer.Option(help="next: what comes next; cart: the other half of a basket.")] = "next",
    targets: Annotated[
        str, typer.Option(help="all; other (than the current product); new (to the session, or the customer).")
    ] = "all",
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="Length of the lists.")] = 20,
    limit: Annotated[int | None, typer.Option(min=1, help="Read only this many lines of the log.")] = None,
    content: Annotated[bool, typer.Option(help="Embed the products' texts.")] = True,
    slates: Annotated[bool, typer.Option("--slates", help="Also decide slates, with all their rules.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object, for scripts.")] = False,
) -> None:
    """Run the engine over a log, predicting before it learns, and say how good its lists were."""
    from streams.evaluation.plan import PROTOCOLS, Plan
    from streams.evaluation.running import Evaluation
    from streams.evaluation.told import summary
    from streams.runs.display import Bars
    from streams.sources.formats import open_events

    chosen = tuple(name for name in PROTOCOLS if protocol in {None, name})
    if not chosen:
        raise RefusedError(f"--protocol {protocol} is not known: static, prequential, or neither for both.")
    plan = Plan(
        train=open_events(file, form, columns=columns, limit=limit),
        test=None if test is None else open_events(test, form, columns=columns),
        last=share_of(last),
        protocols=chosen,
        task=cast("Task", one_of("--task", task, ("next", "cart"))),
        targets=cast("Targets", one_of("--targets", targets, ("all", "other", "new"))),
        without_current=form == "serenade",
        k=k,
        content=content,
        slates=slates,
    )
    with Bars() as bars:
        outcome = Evaluation(plan, bars).run()
    if as_json:
        print(json.dumps(summary(outcome, k)))


def share_of(text: str) -> float:
    """Read a share such as `20%` or `0.2`.

    Raises:
        RefusedError: it is none, or nothing or all of the log.
    """
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise RefusedError(f"--last {text} is no part of the log: write a share such as 20%.")
    return share


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """Check an option's value.

    Raises:
        RefusedError: it is none of those.
    """
    if value not in known:
        raise RefusedError(f"{option} {value} is not known: use one of {', '.join(known)}.")
    return value
