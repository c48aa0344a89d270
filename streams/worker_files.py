"""Where a worker keeps its files, and which group it belongs to."""

from pathlib import Path
from typing import Literal

from streams.settings import Settings

Kind = Literal["clicks", "catalog", "judge"]


def files_of(settings: Settings, kind: Kind) -> Path:
    """Name the folder of a worker's files: one for each kind and slot."""
    return settings.data_dir / f"worker-{kind}-{settings.worker_slot or 'single'}"


def group_of(settings: Settings, kind: Kind) -> str:
    """Name the consumer group of a kind of worker; each generation of states has a group, and offsets, of its own."""
    name = f"{settings.topic_prefix}{settings.group}.{kind}"
    return f"{name}.{settings.generation}" if settings.generation and kind == "clicks" else name
