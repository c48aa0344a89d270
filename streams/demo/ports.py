"""What the demo's shoppers have around them: the way to the workers, who looks on, and what goes on beside."""

from typing import Protocol

from schemas.events import Event
from schemas.products import Product
from schemas.slates import Slate
from streams.demo.places import Placed, Sent


class Way(Protocol):
    """The way to the workers and back, as `Traffic` is one."""

    @property
    def room(self) -> int:
        """Give how many events may be sent now."""

    @property
    def dead_letters(self) -> int:
        """Count what was refused so far."""

    def send(self, event: Event, sent: Sent, placed: Placed, *, origin: str | None = None) -> None:
        """Send an event; `placed` is told where it lies."""

    def change(self, product: Product) -> None:
        """Write a product anew."""

    def receive(self, *, hear_every_s: float) -> None:
        """Take what has come."""

    def settle(self, timeout_s: float) -> None:
        """Wait until everything sent is worked through, or time is up."""


class Beside(Protocol):
    """What goes on beside the shoppers."""

    def tick(self, now_s: float) -> None:
        """Take a moment."""


class Watcher:
    """What looks on while the demo lives; this one looks away."""

    def event(self, event: Event) -> None:
        """Take an event of a shopper that was just sent."""

    def person(self, event: Event) -> None:
        """Take an event of somebody who is not simulated."""

    def slate(self, slate: Slate) -> None:
        """Take a slate that is on a visitor's page now."""

    def tick(self, now_s: float) -> None:
        """Take a moment to draw."""
