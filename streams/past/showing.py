"""An explanation in the terminal: readable on 100 columns, and nothing of a record gets there but printable text."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from streams.past.explanation import DecisionTold, Explanation, MoveTold, Named, SessionTold
from streams.past.telling import plain_text

TITLE = 34
PRODUCT = 26


def show(told: Explanation, console: Console | None = None) -> None:
    """Print an explanation."""
    console = console or Console(width=None if Console().is_terminal else 100)
    _head(told, console)
    _session(told.session, told.state_from, console)
    if told.decision is not None:
        _context(told.decision, console)
        _candidates(told.decision, console)
        _judged(told.decision, console)
        _order(told.decision, console)
    _moves(told.moves, console)
    _lineage(told, console)
    for sentence in told.missing:
        console.print(f"! {plain_text(sentence, 400)}")


def _head(told: Explanation, console: Console) -> None:
    slate, event = told.slate, told.event
    products = ", ".join(str(item["product_id"]) for item in event.get("items", ()))
    revision = f"  revision {slate['revision']}" if slate.get("revision") else ""
    console.print(f"[bold]{plain_text(slate['slate_id'])}[/bold]  {plain_text(slate['placement'])}{revision}")
    if slate.get("anchor"):
        console.print(f"anchor    {plain_text(slate['anchor'])}")
    console.print(f"visitor   {plain_text(slate['visitor_id'])}")
    what = " ".join(part for part in (event["name"], products, event.get("query") or "") if part)
    console.print(f"event     {plain_text(what, 70)}  at {plain_text(event['at'])}, arrived {told.arrived_at}")
    console.print(f"decided   {plain_text(slate['decided_at'])}, good until {plain_text(slate['expires_at'])}")
    if told.decision is not None:
        console.print(plain_text(told.decision.outcome, 400), style="green" if told.decision.equal else "red")
        if told.decision.difference is not None:
            path, recorded, again = told.decision.difference
            console.print(f"  {plain_text(path)}: {plain_text(recorded)} was recorded, {plain_text(again)} came out")


def _session(session: SessionTold, state_from: str, console: Console) -> None:
    _heading(console, "The session, just after the event", f"state from {state_from}")
    if not session.known:
        console.print("Nothing is kept of this visitor (no consent): only the event itself counted.")
        return
    visit = f"visit {session.n_sessions}, {session.n_events} events in it, {session.stage}"
    profile = f"{session.views} views, {session.carts} carts and {session.purchases} purchases ever"
    console.print(f"{visit}; {profile}")
    landing = ", ".join(f"{name} {value}" for name, value in (session.landing or {}).items())
    for name, value in (("landing", landing), ("search", session.query or "")):
        if value:
            console.print(f"{name:<9} {plain_text(value)}")
    table = _table("step", "product", "ago", "dwell", "scroll", "weight", right=2)
    for step in session.steps:
        table.add_row(
            step.kind,
            _product(step.product_id, step.title),
            f"{step.ago_s:.0f} s",
            "?" if step.dwell_s is None else f"{step.dwell_s:.0f} s",
            "?" if step.scroll is None else f"{step.scroll:.0%}",
            f"{step.weight:+.3f}",
        )
    console.print(table)
    for name, products in (("cart", session.cart), ("bought", session.purchased), ("skipped", session.skipped)):
        if products:
            console.print(f"{name:<9} {plain_text(', '.join(products), 200)}")
    if session.seen_unclicked:
        seen = ", ".join(f"{one.product_id} x{one.value:.0f}" for one in session.seen_unclicked)
        console.print(f"seen      {plain_text(seen, 300)}")


def _context(decision: DecisionTold, console: Console) -> None:
    context = decision.context
    _heading(console, "The context vector", "weights of products, after recency and engagement")
    console.print(_pairs(context.weights) or "(no steps)")
    if context.profile:
        console.print(f"profile   {_pairs(context.profile)}")
    if context.categories:
        mix = ", ".join(f"{name} {share:.0%}" for name, share in context.categories)
        console.print(f"shelves   {plain_text(mix, 200)}")
    if context.usual_price is not None:
        console.print(f"price     about {context.usual_price:.2f}, band {plain_text(context.price_band)}")


def _candidates(decision: DecisionTold, console: Console) -> None:
    _heading(console, "Candidates", f"{decision.candidates} from {len(decision.sources)} sources")
    table = _table("source", "found", "best, with the source's own scores", right=1, last=1)
    for source in decision.sources:
        found = f"{source.count}" + (f" (+{source.unsold} not in the catalogue)" if source.unsold else "")
        table.add_row(source.source, found, _pairs(source.best))
    console.print(table)
    for name in decision.timed_out:
        console.print(f"! {plain_text(name)} did not answer in time and was done without")
    removed = _table("kept off", "how many", "the best of them, with their relevance", right=1, last=1)
    for one in decision.removed:
        removed.add_row(one.why, str(one.count), _pairs(one.best))
    console.print(removed)


def _judged(decision: DecisionTold, console: Console) -> None:
    if (judged := decision.judged) is None:
        return
    _heading(console, "Judgements", "of a language model, by segment and intent")
    console.print(f"segment   {plain_text(judged.segment)}, intent {plain_text(judged.intent)}")
    how = "they cover the slate" if judged.covered else "too few to cover the slate"
    known = f"{judged.hits} of the {judged.of} best candidates are judged: {how}"
    table = f"{plain_text(judged.table, 160)} ({judged.by}); {known}" if judged.table else "none"
    console.print(f"table     {table}")


def _moves(moves: Sequence[MoveTold], console: Console) -> None:
    if not moves:
        return
    _heading(console, "The slate before and after judgement", "ranks of what is shown in either")
    table = _table("after", "before", "product", right=0)
    for one in moves:
        ranks = ["-" if rank is None else str(rank) for rank in (one.after, one.before)]
        table.add_row(*ranks, _product(one.product_id, one.title))
    console.print(table)


def _order(decision: DecisionTold, console: Console) -> None:
    how = f"blend of {decision.learned_rows} learned rows; ranks: by relevance > after diversity > after caps"
    _heading(console, "The slate", how)
    table = _table("#", "product", "score", "blend", "log-odds by source", "ranks", "why", right=0)
    product, log_odds, ranked = table.columns[1], table.columns[4], table.columns[5]
    product.max_width, product.overflow = PRODUCT, "ellipsis"
    for column in (product, log_odds, ranked):
        column.no_wrap = True
    for item in decision.items:
        parts = [f"{name} {value:+.2f}" for name, value in item.contributions if name != "intercept"][:3]
        if item.judged is not None:
            parts.append(f"judge {item.judged:.1f} of 10")
        if item.emphasis:
            parts.append(f"shelf {item.emphasis:+.2f}")
        if item.times_shown:
            parts.append(f"seen x{item.times_shown}: x{item.fatigue}")
        mark = "*" if item.explored else "+" if item.reserved else ""
        rank = f"[bold]{item.rank}{mark}[/bold]" if mark else str(item.rank)
        ranks = ">".join("-" if one == 0 else str(one) for one in item.ranks)
        score, blend = f"{item.score:.4f}", f"{item.blend:.3f}"
        table.add_row(
            rank,
            _product(item.product_id, item.title),
            score,
            blend,
            "\n".join(parts),
            ranks,
            plain_text(item.reason, 40),
            style="" if item.rank <= decision.shown else "dim",
        )
    console.print(table)
    console.print(f"The first {decision.shown} are shown, the others are reserves.", style="dim")
    if any(item.reserved for item in decision.items):
        console.print("+ reserved: for a product that hardly anybody knows yet and that fits the session")
    if decision.explored is not None:
        one = decision.explored
        console.print(
            f"* exploration: rank {one['rank']}, pool {plain_text(one['pool'])}, propensity {one['propensity']:.4g}"
        )


def _lineage(told: Explanation, console: Console) -> None:
    lineage = told.slate["lineage"]
    _heading(console, "Lineage", f"settings {plain_text(lineage['settings'])}, build {plain_text(lineage['build'])}")
    table = _table("log", "partition", "offset", "that record arrived", right=2)
    cause = told.slate["cause"]
    table.add_row(plain_text(cause["topic"]), str(cause["partition"]), str(cause["offset"]), told.arrived_at)
    for place in told.lineage:
        table.add_row(place.log, str(place.partition), str(place.offset), place.at or "(no longer kept)")
    console.print(table)


def _heading(console: Console, text: str, more: str) -> None:
    console.print(f"\n[bold]{text}[/bold]  [dim]{more}[/dim]")


def _table(*columns: str, right: int, last: int = 0) -> Table:
    """Make a table; numbers from column `right` on stand to the right, but for the `last` ones."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, name in enumerate(columns):
        number = right and right <= at < len(columns) - last
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    return table


def _product(product_id: str, title: str) -> str:
    return f"{plain_text(product_id, 24)} [dim]{plain_text(title, TITLE)}[/dim]"


def _pairs(named: Iterable[Named] | Sequence[Any]) -> str:
    return ", ".join(f"{plain_text(one.product_id, 24)} {one.value:.3f}" for one in named)
