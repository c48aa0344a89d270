"""deploy/examples/README.md names what is there."""

import json
import re
from pathlib import Path

from schemas.events import Event

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "examples" / "README.md").read_text()


def test_every_file_that_a_command_names_is_there() -> None:
    """Commands are run from the repository's folder."""
    named = set(re.findall(r"deploy/examples/\S+\.(?:py|js|java|xml)\b", PAGE))

    assert len(named) == 7
    assert all((ROOT / path).is_file() for path in named)


def test_the_event_sent_over_http_is_one() -> None:
    """Once the gateway has added when it arrived."""
    (body,) = re.findall(r"-d '(.+)'", PAGE)
    event = Event.decode(json.dumps(json.loads(body) | {"at": "2026-05-01T12:00:00Z"}).encode())

    assert (event.name, event.consent) == ("view_item", "personalisation")
