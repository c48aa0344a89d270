"""Stands for the demo's pages in tests: `python tests/demo_pages.py VARIABLE [PERSON]`.

Serves the port that the environment variable has: `/readyz` is ready when asked for the second time, `/leave` ends the
process. With a person's id, that person opens the front page of the shop again and again.
"""

import os
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

BETWEEN_S = 0.2


class Pages(BaseHTTPRequestHandler):
    """Answers with a status alone."""

    asked = 0

    def do_GET(self) -> None:
        """Answer, and leave if told to."""
        Pages.asked += 1
        self.send_response(200 if Pages.asked > 1 else 503)
        self.end_headers()
        if self.path == "/leave":
            sys.stdout.write(f"out of {os.environ['AISLE_TOPIC_PREFIX']}\n")
            sys.stdout.flush()
            os._exit(3)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def shop(visitor_id: str) -> None:
    """Be somebody who opens the front page again and again."""
    from schemas.events import Event, Page
    from schemas.topics import EVENTS
    from streams.kafka import confluent_config
    from streams.settings import Settings
    from streams.sources.writer import Writer

    settings = Settings()
    writer = Writer(confluent_config(settings), settings.topics)
    for number in range(1_000_000):
        event = Event(
            event_id=f"{visitor_id}-{number}",
            name="page_view",
            visitor_id=visitor_id,
            at=datetime.now(UTC),
            page=Page(view_id=str(number), kind="home"),
            consent="personalisation",
        )
        writer.write(EVENTS, visitor_id.encode(), event.encode())
        time.sleep(BETWEEN_S)


def main() -> None:
    """Serve, and shop."""
    variable, *people = sys.argv[1:]
    for visitor_id in people:
        threading.Thread(target=shop, args=(visitor_id,), daemon=True).start()
    HTTPServer(("127.0.0.1", int(os.environ[variable])), Pages).serve_forever()


if __name__ == "__main__":
    main()
