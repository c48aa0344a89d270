"""The world as the workers know it, followed beside them: what the console tells visitors' slates with."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from schemas.errors import RefusedError, RetryError
from schemas.judgements import SPENDING_KEY, Spending
from schemas.topics import JUDGEMENTS, LEARNING
from streams.bootstrap import build_world, constants_of
from streams.flow import Fold, LogRecord
from streams.follower import Follower
from streams.settings import Settings
from streams.world import World

T = TypeVar("T")

RETRY_S = 2.0
log = logging.getLogger(__name__)


class Heard:
    """A fold that another one is built by, and that notes what went past.

    Args:
        fold: is given every record.
    """

    def __init__(self, fold: Fold) -> None:
        self.topic = fold.topic
        self._fold = fold
        self.missing = 0
        self.spending: dict[int, Spending] = {}

    def apply(self, record: LogRecord) -> None:
        """Take the next record; count those that are gone before it, and keep what the judge says it has spent."""
        before = self._fold.positions().get(record.partition, -1)
        self.missing += record.offset - before - 1
        self._fold.apply(record)
        if self.topic == JUDGEMENTS and (record.key or b"").startswith(SPENDING_KEY) and record.value is not None:
            try:
                spending = Spending.decode(record.value)
            except ValueError:
                return  # the fold has counted it
            self.spending[spending.partition] = spending

    def positions(self) -> Mapping[int, int]:
        """Give the last offset applied by partition."""
        return self._fold.positions()


class Following:
    """A service that builds a world and keeps it at the end of its logs.

    Args:
        settings: the installation's, of the generation in force.
        client: keyword arguments that every aiokafka client takes.
    """

    name = "world"

    def __init__(self, settings: Settings, client: Mapping[str, Any]) -> None:
        self._settings, self._client = settings, client
        self._followers: list[Follower] = []
        self._heard: dict[str, Heard] = {}
        self._telling = asyncio.Lock()
        self.world: World | None = None
        self.refusal = ""

    @property
    def ready(self) -> bool:
        """Tell whether every log was read to its end."""
        return self.world is not None and all(one.ready for one in self._followers)

    @property
    def unlearned(self) -> int:
        """Count the steps that the model did not learn because they are no longer kept."""
        return self._heard[LEARNING].missing if LEARNING in self._heard else 0

    @property
    def spending(self) -> Sequence[Spending]:
        """Give what the judges say they have spent, by partition of the requests."""
        return tuple(self._heard[JUDGEMENTS].spending.values()) if JUDGEMENTS in self._heard else ()

    def lag(self) -> dict[str, int]:
        """Count the records of each log that are known and not applied."""
        return {one.fold.topic: one.lag() for one in self._followers}

    def why_not(self) -> str:
        """Say why slates cannot be told now; nothing where they can."""
        if self.refusal:
            return self.refusal
        if self.world is None:
            return "Kernels are compiled and the model is loaded: this takes a moment."
        behind = [one.fold.topic for one in self._followers if not one.ready]
        return f"Not read to the end yet: {', '.join(behind)}." if behind else ""

    def lacks(self) -> list[str]:
        """Lack nothing: figures and sessions are shown without a world, too."""
        return []

    def stuck(self) -> list[str]:
        """Say what refused to be followed; the rest of the console goes on."""
        return []

    async def run(self) -> None:
        """Build and follow until cancelled; what refuses is told on the page, since the figures do without."""
        try:
            self.world = await asyncio.to_thread(self._build)
            self._heard = {fold.topic: Heard(fold) for fold in self.world.folds}
            self._followers = [
                Follower(fold, client=self._client, topics=self._settings.topics, strict=False)
                for fold in self._heard.values()
            ]
            async with asyncio.TaskGroup() as tasks:
                for follower in self._followers:
                    tasks.create_task(_read(follower))
                    tasks.create_task(_advance(follower))
        except* (RefusedError, RetryError) as refused:
            self.refusal = f"Slates cannot be told: {refused.exceptions[0]}"
            log.warning("%s", self.refusal)
        await asyncio.Event().wait()

    async def tell(self, tell: Callable[[World | None], T]) -> T:
        """Tell something of the world, in a thread, while it stands still.

        Args:
            tell: is given the world, None while there is none; never two at the same time.
        """
        async with self._telling:
            with ExitStack() as still:
                for follower in self._followers:
                    still.enter_context(follower.held())
                return await asyncio.to_thread(tell, self.world)

    def _build(self) -> World:
        from models.warm_up import warm_up
        from streams.adapters.numpy_index import NumpyVectorIndex
        from streams.snapshots import load_model, open_store

        warm_up()
        store = open_store(self._settings)
        rules = constants_of(self._settings).model
        model = load_model(store, self._client, rules) if store else None
        # The index of the installation belongs to its workers.
        return build_world(self._settings, model=model, open_content=lambda _model, dim: NumpyVectorIndex(dim))


async def _read(follower: Follower) -> None:
    while True:
        try:
            await follower.run()
        except (KafkaError, OSError) as error:
            log.warning("%s cannot be read (%s): trying again", follower.fold.topic, type(error).__name__)
            await asyncio.sleep(RETRY_S)


async def _advance(follower: Follower) -> None:
    while True:
        await follower.news.wait()
        follower.advance()
        await asyncio.sleep(0.01)
