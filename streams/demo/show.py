"""The demo with everything at hand: workers, shoppers, pages, and whoever looks on."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.products import Product
from streams.demo.live import Live
from streams.demo.scoreboard import Scoreboard
from streams.demo.shoppers import Crowd
from streams.demo.stock import Stock
from streams.demo.stopping import Stop
from streams.demo.traffic import Traffic
from streams.demo.view import LiveView, PlainView
from streams.demo.watched import Watched
from streams.demo.web import Addresses, Web
from streams.runs.on_kafka import environment_of
from streams.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

HISTORY_ENDS_BEFORE_MS = 45 * 60 * 1000
"""Long enough ago for whoever comes back to begin a new session."""

_MEANWHILE_S = 0.25


@dataclass(frozen=True)
class Show:
    """One demo.

    Args:
        console: for whoever looks on.
        crowd: who shops.
        board: what counts.
        shop: the catalogue.
        stock: what of it sells out.
        addresses: where the pages are; None for a demo without.
        write: takes every event that is sent, as encoded.
    """

    console: "Console"
    crowd: Crowd
    board: Scoreboard
    shop: Sequence[Product]
    stock: Stock
    addresses: Addresses | None
    write: Callable[[bytes], object]

    def perform(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        *,
        history: int,
        seconds: float | None,
        stop: Stop,
    ) -> dict[str, str | None]:
        """Start the workers and the pages, let the workers learn the past, and open the shop.

        Returns:
            the addresses of the pages by name; None where there are none, or none any more.
        """
        live = Live(self.crowd, self.board, self.stock)
        with ExitStack() as stack:
            traffic = stack.enter_context(
                Traffic(
                    settings, environment=environment, taken=live.take, sent=self.write, read=live.read,
                    judged=self.board.judge,
                )
            )  # fmt: skip
            web = self._web(stack, settings, {**environment_of(settings, environment), **traffic.about})
            self.console.print("Starting the workers", style="dim")
            web.start()  # reads on from the start: the smallest broker forgets
            traffic.start(self.shop)
            self._learn(live, traffic, history)
            web.wait(lambda: traffic.receive(hear_every_s=_MEANWHILE_S))
            self._announce(web.links())
            with self._view(web) as view, stop.gently():
                live.run(seconds, traffic, view, stopped=lambda: stop.asked, beside=(web,))
            return web.links()

    def _web(self, stack: ExitStack, settings: Settings, environment: Mapping[str, str | None]) -> Web:
        directory = settings.data_dir / "runs" / f"{settings.worker_slot or 'demo'}-web"
        return stack.enter_context(Web(self.addresses, directory, environment, say=self._say))

    def _learn(self, live: Live, traffic: Traffic, history: int) -> None:
        past = self.crowd.history(history, until_ms=int(time.time() * 1000) - HISTORY_ENDS_BEFORE_MS)
        what = f"learning from {len(past):,} simulated events of the past"
        with bar(self.console, what, len(past)) as advance:
            live.replay(past, traffic, advance)

    def _announce(self, links: Mapping[str, str | None]) -> None:
        for name, link in links.items():
            if link is not None:
                self._say(f"{name}: {link}")

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _view(self, web: Web) -> LiveView | PlainView:
        if self.console.is_terminal:
            return LiveView(self.board, Watched(self.shop), self.console, web.links)
        return PlainView(self.board, self.console)


@contextmanager
def bar(console: "Console", name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, or a line where there is no terminal; gives what moves it on by a number of steps."""
    from rich.progress import Progress

    if not console.is_terminal:
        console.print(name.capitalize(), style="dim")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda steps: progress.advance(task, steps)
