"""Constants in a file: what an installation runs with instead of the defaults, and where each value came from.

A file holds only what differs, as TOML in the groups of `GROUPS`; every name and value is checked before anything
runs with it.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, fields, replace
from difflib import get_close_matches
from inspect import getdoc
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, get_type_hints

import orjson
from pydantic import TypeAdapter, ValidationError

from models.constants import Constants
from models.limits import Limits
from schemas.errors import RefusedError

Rules = Any
"""One of the classes of `Constants`: frozen, with `LIMITS`."""

NUMBERS = (int, float)


class Group(NamedTuple):
    """A group of a file: which part of `Constants` it is, and what its names begin with there."""

    part: str
    prefix: str = ""


GROUPS: Mapping[str, Group] = {
    "session": Group("session"),
    "model": Group("model"),
    "slates": Group("slates"),
    "blend": Group("model", "blend_"),
}


def load_constants(path: Path) -> Constants:
    """Read a file of constants; what it does not name has its default.

    Raises:
        RefusedError: it cannot be read, or holds a name or value that no constant has.
    """
    constants = Constants()
    for group, values in _read(path).items():
        if group not in GROUPS:
            raise RefusedError(f"{path}: there is no group [{group}]{_meant(group, GROUPS)}; see docs/tuning.md.")
        if not isinstance(values, dict):
            raise RefusedError(f"{path}: {group} must be a group of constants, such as [{group}]; see docs/tuning.md.")
        constants = _with(constants, path, group, values)
    return constants


def save_constants(constants: Constants, path: Path, *, about: str) -> None:
    """Write the constants that differ from the defaults, each with its meaning and default.

    Args:
        constants: what to write.
        path: the file; what is there is replaced.
        about: where the values came from, one or more lines.

    Raises:
        RefusedError: the file cannot be written.
    """
    lines = [f"# {line}".rstrip() for line in about.splitlines()]
    lines.append("# Only what differs from the defaults. All workers of an installation need the same file.")
    for group in GROUPS:
        told = list(_told(group, constants))
        if told:
            lines += ["", f"[{group}]", *told]
    try:
        path.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise RefusedError(f"{path} cannot be written ({error.strerror}).") from None


def differing(constants: Constants) -> dict[str, dict[str, object]]:
    """Give the values that differ from the defaults, by group and name."""
    found: dict[str, dict[str, object]] = {}
    for group in GROUPS:
        rules, default = (_rules(group, of) for of in (constants, Constants()))
        for name, one in _fields(group).items():
            value, usual = getattr(rules, one.name), getattr(default, one.name)
            if value != usual:
                found.setdefault(group, {})[name] = _changed(value, usual)
    return found


def meanings(rules: type) -> dict[str, str]:
    """Read what each constant of a class means from its docstring."""
    text = (getdoc(rules) or "").partition("Args:\n")[2]
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", text, re.MULTILINE)
    return {name: " ".join(said.split()) for name, said in found}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise RefusedError(f"The constants file {path} cannot be read ({error.strerror}).") from None
    except ValueError as error:  # neither TOML nor text
        raise RefusedError(f"The constants file {path} is no TOML ({error}); see docs/tuning.md.") from None


def _with(constants: Constants, path: Path, group: str, values: Mapping[str, object]) -> Constants:
    rules, known = _rules(group, constants), _fields(group)
    hints = get_type_hints(type(rules))
    found = {}
    for name, value in values.items():
        if name not in known:
            raise RefusedError(f"{path}: [{group}] has no constant {name}{_known(name, group)}; see docs/tuning.md.")
        field = known[name].name
        try:
            found[field] = _checked(value, getattr(rules, field), hints[field], rules.LIMITS.get(field))
        except ValueError as error:
            raise RefusedError(f"{path}: {name} of [{group}] cannot be {value!r}: {error}.") from None
    return replace(constants, **{GROUPS[group].part: replace(rules, **found)})


def _checked(value: object, usual: object, kind: Any, limits: Limits | None) -> object:
    """Give a value as its constant holds it.

    Raises:
        ValueError: it is of another kind, or out of its limits.
    """
    try:
        typed = TypeAdapter(kind).validate_json(orjson.dumps(value), strict=True)
    except (ValidationError, TypeError) as error:
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ValueError(first[:1].lower() + first[1:]) from None
    if isinstance(typed, Mapping):
        typed = MappingProxyType({**(usual if isinstance(usual, Mapping) else {}), **typed})
    numbers = typed.values() if isinstance(typed, Mapping) else [typed] if isinstance(typed, NUMBERS) else []
    for objection in (limits.objection(number) for number in numbers if limits):
        if objection:
            raise ValueError(objection)
    return typed


def _known(name: str, group: str) -> str:
    """Say where a name belongs, or which one is like it."""
    homes = [(other, own) for other in GROUPS for own, one in _fields(other).items() if name in {own, one.name}]
    return f": {homes[0][1]} belongs to [{homes[0][0]}]" if homes else _meant(name, _fields(group))


def _meant(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, names, n=1, cutoff=0.0)
    return f": did you mean {close[0]}?" if close else ""


def _rules(group: str, constants: Constants) -> Rules:
    return getattr(constants, GROUPS[group].part)


def _fields(group: str) -> dict[str, "Field[Any]"]:
    """Give a group's constants by their names in a file."""
    part, prefix = GROUPS[group]
    others = tuple(other.prefix for other in GROUPS.values() if other.part == part and other.prefix)
    found = {one.name: one for one in fields(getattr(Constants(), part))}
    if prefix:
        return {name.removeprefix(prefix): one for name, one in found.items() if name.startswith(prefix)}
    return {name: one for name, one in found.items() if not name.startswith(others)}


def _told(group: str, constants: Constants) -> Iterator[str]:
    said, default = meanings(type(_rules(group, constants))), _rules(group, Constants())
    for name, value in differing(constants).get(group, {}).items():
        field = _fields(group)[name].name
        meaning = said.get(field, name)
        yield f"# {meaning[:1].upper()}{meaning[1:]} Default: {_toml(getattr(default, field))}."
        yield f"{name} = {_toml(value)}"


def _changed(value: object, usual: object) -> object:
    """Give of a mapping what differs, of anything else all."""
    if isinstance(value, Mapping) and isinstance(usual, Mapping):
        return {name: one for name, one in value.items() if one != usual.get(name)}
    return value


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, NUMBERS):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in sorted(value.items())) + " }"
    if isinstance(value, frozenset):
        return "[" + ", ".join(_toml(one) for one in sorted(value)) + "]"
    return orjson.dumps(value).decode()
