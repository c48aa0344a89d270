"""Hold a decoded visitor against the types it declares: a wrong one would only fail events later, in the agent."""

from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter

from models.visitor import Entry, Profile, Rates, Seen, Session, Step, Visitor
from schemas.events import Landing

_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True)
_SIMPLE = {
    (kind, name): TypeAdapter(hint, config=_STRICT)
    for kind in (Visitor, Session, Profile, Rates, Step, Seen, Entry)
    for name, hint in get_type_hints(kind).items()
    if hint is not bool and not any(part in str(hint) for part in ("models.visitor", "schemas.events"))
}


def check_visitor(visitor: Visitor) -> None:
    """Fail on the first value of another type; true and false may pass for 1 and 0, as they do in Python.

    Raises:
        AssertionError: names the field.
    """
    _check(visitor)
    _check(visitor.profile)
    _check(visitor.rates)
    for row in (*visitor.shown, *visitor.profile.entries):
        _check(row)
    if visitor.session is not None:
        _check(visitor.session)
        for step in visitor.session.steps:
            _check(step)
        landing = visitor.session.landing
        assert landing is None or isinstance(landing, Landing)
        if landing is not None:
            Landing.model_validate(landing.model_dump())


def _check(part: Any) -> None:
    for (kind, name), adapter in _SIMPLE.items():
        if kind is type(part):
            try:
                adapter.validate_python(_numbers(getattr(part, name)))
            except ValueError as error:
                raise AssertionError(f"{kind.__name__}.{name} is {type(getattr(part, name)).__name__}") from error


def _numbers(value: Any) -> Any:
    """Take true and false for numbers where they stand among them, or alone where one is declared."""
    if isinstance(value, tuple):
        return tuple(map(_numbers, value))
    return int(value) if isinstance(value, bool) else value
