"""What killed the worker: counted, then isolated, then skipped."""

from pathlib import Path

from streams.deaths import Deaths, InWork, WorkMarker, load_deaths, read_marker, save_deaths


def test_third_death_convicts_one_record() -> None:
    """Two deaths on a stretch make every record of it go alone; the one that kills alone is skipped."""
    deaths = Deaths().after(InWork(2, 9, 30))
    assert not deaths.careful(2, 10)
    deaths = deaths.after(InWork(2, 9, 30))
    assert deaths.careful(2, 10)
    assert deaths.careful(2, 30)
    deaths = deaths.after(InWork(2, 16, 17))
    assert deaths.skipped(2, 17)
    assert not deaths.skipped(2, 16)
    assert deaths.careful(2, 18)


def test_progress_clears_suspicion() -> None:
    """Deaths over different records do not add up: something else is wrong."""
    deaths = Deaths()
    for mark in range(0, 20, 5):
        deaths = deaths.after(InWork(0, mark, mark + 5))
    assert not any(deaths.careful(0, offset) for offset in range(20))


def test_what_two_deaths_have_in_common_is_suspected() -> None:
    """Pieces that begin and end elsewhere in the next life still narrow it down."""
    deaths = Deaths().after(InWork(0, 10, 40)).after(InWork(0, 25, 90))
    assert [offset for offset in range(100) if deaths.careful(0, offset)] == list(range(26, 41))


def test_a_convicted_record_stands_alone_for_ever() -> None:
    """A later suspicion elsewhere does not make it part of a piece again."""
    deaths = Deaths()
    for _ in range(2):
        deaths = deaths.after(InWork(0, 10, 20))
    deaths = deaths.after(InWork(0, 14, 15)).after(InWork(0, 40, 60))
    assert deaths.skipped(0, 15)
    assert deaths.careful(0, 15)
    assert not deaths.careful(0, 16)


def test_nobody_at_work() -> None:
    """A death while nothing was handled blames nobody."""
    assert Deaths().after(None) == Deaths()


def test_files_survive(tmp_path: Path) -> None:
    """What is in work and what was counted is there again after a restart; broken files count as none."""
    marker = WorkMarker(tmp_path / "in-work")
    marker.set(InWork(1, 5, 6))
    assert read_marker(tmp_path / "in-work") == InWork(1, 5, 6)
    marker.clear()
    assert read_marker(tmp_path / "in-work") is None
    deaths = Deaths().after(InWork(1, 5, 6)).after(InWork(1, 5, 6)).after(InWork(1, 5, 6))
    save_deaths(tmp_path / "deaths.json", deaths)
    assert load_deaths(tmp_path / "deaths.json") == deaths
    (tmp_path / "deaths.json").write_text("{")
    assert load_deaths(tmp_path / "deaths.json") == Deaths()
    assert read_marker(tmp_path / "absent") is None


def test_a_broken_marker_is_nobodys(tmp_path: Path) -> None:
    """A supervisor that died of its own note would leave the worker dead as well."""
    for data in (b"\xff\x00", b"1 2", b"1 2 three", b"1 2 3 4", b"9" * 5000):
        (tmp_path / "in-work").write_bytes(data)
        assert read_marker(tmp_path / "in-work") is None


def test_a_full_disk_suspects_nobody() -> None:
    """Where nothing can be noted the worker works on, and nobody is blamed for its death."""
    marker = WorkMarker(Path("/dev/full"))
    marker.set(InWork(0, 1, 2))
    marker.clear()
