"""The tracker's file: made from its sources, small, and the same in both forms."""

from streams.tracker import module, script
from streams.tracker.minified import MINIFIED, minified


def test_the_file_is_made_from_its_sources() -> None:
    """Run `python -m streams.tracker.minified` after changing a source."""
    assert MINIFIED.read_text() == minified()


def test_script_and_module_are_the_same_tracker() -> None:
    """Each has a strong ETag of its own."""
    assert script().body.removeprefix(b"window.aisle=") == module().body.removeprefix(b"export default ")
    assert script().etag != module().etag
    assert all(file.etag.strip('"').isalnum() and file.etag[0] == file.etag[-1] == '"' for file in (script(), module()))
