"""A model as bytes: own arrays, offset, checksum and rules; never a pickle, which would break between versions."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson

from models.items import State
from models.model import Model, ModelRules
from schemas.errors import RefusedError

MAGIC = b"aisle-model-1\n"
CHECKSUM_BYTES = 32


class Frozen(NamedTuple):
    """A model as it stood at one moment; whatever it learns later does not reach these arrays.

    `tail` names the step it learned last, so that the log it belongs to can be told from another one.
    """

    offset: int
    rules: str
    tail: str
    state: State


def freeze(model: Model, *, tail: str = "") -> Frozen:
    """Copy everything that decides predictions; the model must not learn meanwhile."""
    state = {name: array.copy() for name, array in model.state().items()}
    return Frozen(model.offset, model.rules.fingerprint(), tail, state)


def pieces(frozen: Frozen) -> Iterator[bytes | memoryview]:
    """Write a model: magic, length of the header, header (JSON), arrays one after the other, SHA-256 of all before."""
    arrays = {name: np.ascontiguousarray(array) for name, array in frozen.state.items()}
    kinds = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    head = orjson.dumps({**frozen._asdict(), "state": None, "arrays": kinds})
    body: list[bytes | memoryview] = [MAGIC, len(head).to_bytes(8, "little"), head]
    body += [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    sha = hashlib.sha256()
    for piece in body:
        sha.update(piece)
        yield piece
    yield sha.digest()


def encode(model: Model) -> bytes:
    """Write a model as one piece."""
    return b"".join(pieces(freeze(model)))


def offset_of(data: bytes) -> int:
    """Read the offset of `learning` up to which a snapshot has learned, from its first bytes.

    Raises:
        RefusedError: these are not a snapshot's first bytes.
    """
    return int(_header(data)[0]["offset"])


def tail_of(data: bytes) -> str:
    """Read the name of the step a snapshot learned last, from its first bytes.

    Raises:
        RefusedError: these are not a snapshot's first bytes.
    """
    return str(_header(data)[0]["tail"])


def decode(data: bytes, rules: ModelRules | None = None) -> Model:
    """Read a model.

    Args:
        data: what `encode` returned.
        rules: those of this installation.

    Raises:
        RefusedError: the bytes are broken, or the model was learned under other rules.
    """
    header, start = _header(data)
    if hashlib.sha256(memoryview(data)[:-CHECKSUM_BYTES]).digest() != data[-CHECKSUM_BYTES:]:
        raise RefusedError("The model snapshot is damaged (its checksum does not match); delete it, take an older one.")
    model = Model(rules)
    if header["rules"] != model.rules.fingerprint():
        raise RefusedError(
            "The model snapshot was made under other model rules: by another version of aisle, or with another file of "
            "constants. Go back to that one, or let the model learn anew from its log."
        )
    try:
        model.restore(_arrays(header["arrays"], data, start))
    except Exception as error:
        raise RefusedError("The model snapshot was made by another version; delete it, learn from the log.") from error
    return model


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    start = len(MAGIC) + 8
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        header = orjson.loads(data[start:end])
    except ValueError:
        header = None
    kinds = {"offset": int, "rules": str, "tail": str, "arrays": list}
    known = isinstance(header, dict) and all(type(header.get(name)) is kind for name, kind in kinds.items())
    if not known or data[: len(MAGIC)] != MAGIC:
        raise RefusedError("This is not a model snapshot of this version; delete it, and learn from the log.")
    return header, end


def _arrays(names: list[tuple[str, str, list[int]]], data: bytes, start: int) -> State:
    arrays: State = {}
    for name, kind, shape in names:
        dtype = np.dtype(kind)
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, dtype, count, start).reshape(shape)
        start += count * dtype.itemsize
    return arrays
