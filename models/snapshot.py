"""A model as bytes: own arrays, offset, checksum and rules; never a pickle, which would break between versions."""

import hashlib
from typing import Any

import numpy as np
import orjson

from models.items import State
from models.model import Model, ModelRules
from schemas.errors import RefusedError

MAGIC = b"aisle-model-1\n"
CHECKSUM_BYTES = 32


def encode(model: Model) -> bytes:
    """Write a model: magic, length of the header, header (JSON), arrays one after the other, SHA-256 of all before."""
    state = model.state()
    header = {
        "offset": model.offset,
        "rules": model.rules.fingerprint(),
        "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in state.items()],
    }
    head = orjson.dumps(header)
    pieces = [MAGIC, len(head).to_bytes(8, "little"), head]
    pieces += [np.ascontiguousarray(array).tobytes() for array in state.values()]
    body = b"".join(pieces)
    return body + hashlib.sha256(body).digest()


def offset_of(data: bytes) -> int:
    """Read the offset of `learning` up to which a snapshot has learned, from its first bytes.

    Raises:
        RefusedError: these are not a snapshot's first bytes.
    """
    return int(_header(data)[0]["offset"])


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
        raise RefusedError("The model snapshot was made under other model rules; delete it, or restore those rules.")
    model.restore(_arrays(header["arrays"], data, start))
    return model


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    start = len(MAGIC) + 8
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        header = orjson.loads(data[start:end])
    except ValueError:
        header = None
    if header is None or data[: len(MAGIC)] != MAGIC:
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
