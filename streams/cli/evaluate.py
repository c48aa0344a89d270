"""`aisle evaluate`: how good the recommendations are on a log."""

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.evaluation.queries import Targets, Task
    from streams.lift.outcome import Collected


def evaluate(
    called: typer.Context,
    file: Annotated[Path, typer.Argument(help="Events of a shop, gzipped or plain.", show_default=False)],
    form: Annotated[str, typer.Option("--format", help="serenade, rees46, uci or csv.", show_default=False)],
    columns: Annotated[
        str | None,
        typer.Option(help="For csv, which column means what, as item=sku,time=ts; else by their names."),
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
    constants: Annotated[
        Path | None, typer.Option(help="TOML file of constants to run with; by default the installation's.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Compare, query by query, with another file of constants, or with 'defaults'."),
    ] = None,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also say what each layer adds, and what is lost without each source.")
    ] = False,
    judge: Annotated[
        bool, typer.Option("--judge", help="Also say what judgements of the language model add, and cost.")
    ] = False,
    judge_estimate: Annotated[
        bool, typer.Option("--judge-estimate", help="Say what --judge would cost, and stop; nobody is asked.")
    ] = False,
    judge_most_usd: Annotated[float, typer.Option(min=0, help="Spend no more than this on judgements, in USD.")] = 1.0,
    judge_limit: Annotated[
        int | None, typer.Option(min=1, help="Judge only so many slates, drawn by their hash.")
    ] = None,
    judge_weight: Annotated[
        list[float] | None, typer.Option(help="Also try this weight of judgements; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object, for scripts.")] = False,
    report: Annotated[Path | None, typer.Option(help="Also write a report: one HTML file with plots.")] = None,
) -> None:
    """Run the engine over a log, predicting before it learns, and say how good its lists were."""
    from streams.bootstrap import constants_of
    from streams.evaluation.beside import beside, constants_named
    from streams.evaluation.figures import figures_of
    from streams.evaluation.opening import opened_shop
    from streams.evaluation.page import Conditions, page_of
    from streams.evaluation.plan import PROTOCOLS, Plan
    from streams.evaluation.printing import print_outcome
    from streams.evaluation.running import Evaluation
    from streams.evaluation.told import summary
    from streams.lift.outcome import Terms
    from streams.lift.readable import opened_readable
    from streams.lift.running import check_model, estimated, rules_of, tried
    from streams.runs.display import Bars
    from streams.settings import Settings
    from streams.sources.formats import open_events

    judging = judge or judge_estimate
    if report is not None:
        check_writable(report, reads=(file, test, constants, Path(against) if against else None))
    protocol = protocol or ("static" if judging else None)
    chosen = tuple(name for name in PROTOCOLS if protocol in {None, name})
    if not chosen:
        raise RefusedError(f"--protocol {protocol} is not known: static, prequential, or neither for both.")
    train = open_events(file, form, columns=columns, limit=limit)
    if against is not None:
        constants_named(against)  # what cannot be read is said before the work
    settings = Settings()
    if constants is not None:
        settings = settings.model_copy(update={"constants_file": constants})
    terms = Terms(judge_most_usd, judge_limit, tuple(judge_weight or ()))
    if judging and not judge_estimate:
        check_model(settings)
    plan = Plan(
        train=train,
        test=None if test is None else open_events(test, form, columns=columns, after=train),
        last=share_of(last),
        protocols=chosen,
        task=cast("Task", one_of("--task", task, ("next", "cart"))),
        targets=cast("Targets", one_of("--targets", targets, ("all", "other", "new"))),
        without_current=form == "serenade",
        k=k,
        content=content,
        slates=slates or ablation,
        ablation=ablation,
        constants=constants_of(settings),
        judging=rules_of(settings),
    )
    first = str(settings.constants_file or "defaults")
    with Bars() as bars:
        evaluation = Evaluation(plan, bars, opened=opened_readable if judging else opened_shop)
        if judge_estimate:
            print_estimate(estimated(evaluation, settings, terms), as_json=as_json)
            return
        lift, outcome = tried(evaluation, settings, terms, bars.say) if judging else (None, evaluation.run())
        found = beside(plan, outcome, bars, first=first, against=against)._replace(lift=lift)
    figures = figures_of(outcome.tables)
    if report is not None:
        page = page_of(outcome, figures, Conditions(shlex.join(command_of(called)), plan))
        found.add_to(page)
        report.write_text(page.html(), encoding="utf-8")
    if as_json:
        print(json.dumps(summary(outcome, figures) | found.summary()))
        return
    print_outcome(outcome, figures)
    for line in found.lines():
        print(line)


def print_estimate(collected: "Collected", *, as_json: bool) -> None:
    """Print what judging would cost."""
    from streams.lift.told import estimate_lines, estimate_summary

    if as_json:
        print(json.dumps(estimate_summary(collected)))
        return
    for line in estimate_lines(collected):
        print(line)


def check_writable(report: Path, *, reads: Iterable[Path | None]) -> None:
    """Refuse a report that could not be written when all the work is done, or that would replace what is read.

    Raises:
        RefusedError: its folder is not there or may not be written to, or it is a folder itself, or one of `reads`.
    """
    check_not_read(report, "--report", reads)
    try:
        existed = report.exists()
        report.open("ab").close()
        if not existed:
            report.unlink()
    except OSError as error:
        raise RefusedError(f"--report {report} cannot be written ({error.strerror}): give another path.") from None


def check_not_read(written: Path, option: str, reads: Iterable[Path | None]) -> None:
    """Refuse to write over what is read.

    Raises:
        RefusedError: the file is one of them.
    """
    if written.exists() and any(one is not None and one.exists() and one.samefile(written) for one in reads):
        raise RefusedError(f"{option} {written} is to be read: name another file to write.")


def command_of(called: typer.Context) -> list[str]:
    """Write the command line again: what was given, defaults left out."""
    words = ["aisle", "evaluate"]
    for parameter in called.command.params:
        source = called.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        value = called.params[parameter.name or ""]
        if isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        elif isinstance(value, list | tuple):
            words += [word for one in value for word in (parameter.opts[0], str(one))]
        else:
            words += [str(value)] if parameter.param_type_name == "argument" else [parameter.opts[0], str(value)]
    return words


def share_of(text: str, option: str = "--last") -> float:
    """Read a share such as `20%` or `0.2`, the value of an option.

    Raises:
        RefusedError: it is none, or nothing or all of the log.
    """
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise RefusedError(f"{option} {text} is no part of the log: write a share such as 20%.")
    return share


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """Check an option's value.

    Raises:
        RefusedError: it is none of those.
    """
    if value not in known:
        raise RefusedError(f"{option} {value} is not known: use one of {', '.join(known)}.")
    return value
