"""The tracker as it is served, made from its readable sources: `python -m streams.tracker.minified` writes it."""

from pathlib import Path

HERE = Path(__file__).parent
MINIFIED = HERE / "aisle.min.js"

SOURCES = ("guard", "storage", "sending", "events", "engagement", "impressions", "slots", "shelves", "aisle")
"""In the order in which they are put together."""


def minified() -> str:
    """Put the sources together and shorten them: one expression, whose value is the tracker."""
    import minify

    parts = [(HERE / "source" / f"{name}.js").read_text(encoding="utf-8") for name in SOURCES]
    shortened: str = minify.string("text/javascript", "\n".join(["(() => {", *parts, "return aisle;", "})()"]))
    return shortened.rstrip(";")


if __name__ == "__main__":
    MINIFIED.write_text(minified(), encoding="utf-8")
