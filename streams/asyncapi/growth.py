"""What shops build on may only grow: which changes of a record's JSON schema break those who send or read it."""

from collections.abc import Iterator
from typing import Literal

from streams.asyncapi.records import Json

Side = Literal["sent", "read"]

SHOPS: dict[str, Side] = {"Event": "sent", "Product": "sent", "Slate": "read"}
"""The records that shops send to us, or read from us."""

_LIMITS = {"maximum": 1, "maxLength": 1, "maxItems": 1, "minimum": -1, "minLength": -1, "minItems": -1}
"""Which way a limit must not move for senders: 1 for down, -1 for up."""


def broken(old: Json, new: Json, *, side: Side) -> list[str]:
    """Name what a shop that was built on the old schema can no longer rely on.

    Whoever sends must be able to leave out and to say what they could; whoever reads must find what they found. Another
    major version may change anything.

    Args:
        old: JSON schema of a record, as it was exported.
        new: the same as it is now.
        side: what shops do with the record.

    Returns:
        one sentence each, empty if the record has only grown.
    """
    if _major(old) != _major(new):
        return []
    name = str(new.get("title"))
    return sorted(set(_losses(_Pair(old, new), old, new, f"{name}", side)))


class _Pair:
    """Two whole schemas, in which references are looked up."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new

    @staticmethod
    def _found(root: Json, node: Json) -> Json:
        ref = node.get("$ref")
        if not isinstance(ref, str):
            return node
        definitions = root["$defs"]
        assert isinstance(definitions, dict)
        return dict(definitions[ref.rpartition("/")[2]])

    def resolved(self, old: Json, new: Json) -> tuple[Json, Json]:
        """Follow a reference on each side."""
        return self._found(self.old, old), self._found(self.new, new)


def _losses(pair: _Pair, old: Json, new: Json, where: str, side: Side) -> Iterator[str]:
    old, new = pair.resolved(_plain(old), _plain(new))
    if old.get("type") != new.get("type"):
        yield f"{where} was {old.get('type')} and is {new.get('type')}"
        return
    if side == "sent":
        yield from _narrowed(old, new, where)
    before, after = _fields(old), _fields(new)
    yield from (f"{where}.{name} is gone" for name in before.keys() - after.keys())
    required, now_required = _listed(old, "required"), _listed(new, "required")
    if side == "sent":
        yield from (f"{where}.{name} must now be there" for name in now_required - required)
    else:
        yield from (f"{where}.{name} need no longer be there" for name in (required - now_required) & after.keys())
    for name in before.keys() & after.keys():
        yield from _losses(pair, before[name], after[name], f"{where}.{name}", side)
    for inside in ("items", "additionalProperties"):
        inner, now_inner = old.get(inside), new.get(inside)
        if isinstance(inner, dict) and isinstance(now_inner, dict):
            yield from _losses(pair, inner, now_inner, f"{where}[]", side)


def _narrowed(old: Json, new: Json, where: str) -> Iterator[str]:
    """Name values that could be sent and no longer can."""
    said, sayable = _listed(old, "enum"), _listed(new, "enum")
    if sayable and not said:
        yield f"{where} may no longer be any value"
    yield from (f"{where} may no longer be {value}" for value in said - sayable if sayable)
    if new.get("pattern") != old.get("pattern"):
        yield f"{where} has another pattern"
    for limit, way in _LIMITS.items():
        before, after = old.get(limit), new.get(limit)
        if isinstance(after, int | float) and (not isinstance(before, int | float) or (before - after) * way > 0):
            yield f"{where} has a narrower {limit}"


def _plain(node: Json) -> Json:
    """Take `null` out of what may be absent: on the wire that is said by leaving the field out."""
    choices = [one for one in _choices(node) if one.get("type") != "null"]
    return choices[0] if len(choices) == 1 else node


def _choices(node: Json) -> list[Json]:
    found = node.get("anyOf", [])
    return found if isinstance(found, list) else []


def _fields(node: Json) -> dict[str, Json]:
    found = node.get("properties", {})
    return found if isinstance(found, dict) else {}


def _listed(node: Json, name: str) -> set[str]:
    found = node.get(name, [])
    return set(map(str, found)) if isinstance(found, list) else set()


def _major(schema: Json) -> str:
    return str(_fields(schema).get("schema_version", {}).get("default")).partition(".")[0]
