"""`aisle tune`: constants that suit a log."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import RefusedError


def tune(
    file: Annotated[Path, typer.Argument(help="Events of a shop, gzipped or plain.", show_default=False)],
    form: Annotated[str, typer.Option("--format", help="serenade, rees46, uci or csv.", show_default=False)],
    columns: Annotated[
        str | None,
        typer.Option(help="For csv, which column means what, as item=sku,time=ts; else by their names."),
    ] = None,
    last: Annotated[str, typer.Option(help="The last share of the log is the test part, never looked at.")] = "20%",
    test: Annotated[
        Path | None, typer.Option(help="The test part is this file, which is not opened: all of the log may be used.")
    ] = None,
    trials: Annotated[int, typer.Option(min=2, help="Most trials, the defaults among them.")] = 40,
    minutes: Annotated[float, typer.Option(min=0, help="No trial goes on after this.")] = 20,
    out: Annotated[Path, typer.Option(help="The file of constants to write.")] = Path("aisle-constants.toml"),
    objective: Annotated[str, typer.Option(help="mrr, hr, ndcg, recall or precision.")] = "mrr",
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="Length of the lists.")] = 20,
    validation: Annotated[str, typer.Option(help="The last share of what is used judges the trials.")] = "20%",
    events: Annotated[int, typer.Option(min=100, help="Use at most so many events, the last ones.")] = 50_000,
    queries: Annotated[int, typer.Option(min=1, help="About so many are asked, of whole visits.")] = 4_000,
    rows: Annotated[int, typer.Option(min=1, help="About so many rows teach the blend before.")] = 8_000,
    content: Annotated[bool, typer.Option(help="Embed the products' texts.")] = True,
    seed: Annotated[int, typer.Option(help="The same one tries the same constants.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Search the constants that matter on what comes before a log's test part; write them if they beat the defaults.

    Ctrl-C ends the search and keeps the best so far.
    """
    from models.trials import MEASURES
    from streams.cli.evaluate import check_not_read, one_of, share_of
    from streams.constants_file import save_constants
    from streams.sources.formats import open_events
    from streams.tuning.board import Board
    from streams.tuning.known import known_part
    from streams.tuning.searching import search
    from streams.tuning.told import origin, sentences, summary
    from streams.tuning.trial import Search

    one_of("--objective", objective, MEASURES)
    judging, tested = share_of(validation, "--validation"), None if test is not None else share_of(last)
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise RefusedError(f"--out {out} cannot be written: name a file in a directory that is there.")
    check_not_read(out, "--out", (file, test))
    source = open_events(file, form, columns=columns)
    with Board(trials, f"{objective}@{k}") as board:
        part = known_part(source, last=tested, most=events, watch=board)
        asked = Search(
            part=part,
            validation=judging,
            measure=objective,
            k=k,
            trials=trials,
            seconds=60 * minutes,
            queries=queries,
            training_rows=rows,
            content=content,
            without_current=form == "serenade",
            seed=seed,
        )
        found = search(asked, board)
    if found.better:
        save_constants(found.best.constants, out, about=origin(asked, found))
    if as_json:
        print(json.dumps(summary(asked, found, str(out) if found.better else None)))
        return
    for sentence in sentences(asked, found):
        print(sentence)
    if not found.better:
        print("Nothing was found that beats the defaults by more than noise: keep them; no file was written.")
        return
    part_of_it = ["--last", last] if test is None else ["--test", str(test)]
    given = ["--columns", columns] if columns else []
    command = ["aisle", "evaluate", str(file), "--format", form, *given, *part_of_it]
    print(f"Written to {out}. Check it on the test part, once:")
    print(f"  {shlex.join([*command, '--constants', str(out), '--against', 'defaults'])}")
