"""`aisle evaluate` and logs that are not what one hopes for: a clear sentence, or a right answer."""

import json
import signal
import tempfile
from functools import partial
from pathlib import Path

import pytest

from streams.cli.main import main
from streams.runs.display import Bars
from tests.evaluating import DAY_S, START_S, clicks, serenade, table

GOOD = clicks([("a", "b", "c")] * 8)
ORDERED = "session=session,item=item"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Evaluate, and give the sentence of the refusal."""
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *map(str, arguments), "--no-content", "--json"])
    said = capsys.readouterr()
    sentence = next(line for line in said.err.splitlines() if line.startswith("aisle: "))
    assert (stopped.value.code, said.out) == (1, "")
    assert "Traceback" not in said.err
    return sentence


def answered(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, object]:
    """Evaluate, and give the line for scripts."""
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", *map(str, arguments), "--no-content", "--json"])
    assert stopped.value.code == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_a_log_without_times_counts_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a test file's come after the training file's."""
    lines = ["s1,a", "s1,b", "s2,a", "s2,b", "s3,c", "s3,d"]
    train = table(tmp_path / "train.csv", lines, "session,item")
    test = table(tmp_path / "test.csv", ["t1,a", "t1,b"], "session,item")
    found = answered(capsys, train, "--format", "csv", "--columns", ORDERED, "--test", test)

    assert found["n"] == 1
    assert found["sources"]["co-occurrence"]["hr@20"] == 1.0  # type: ignore[index]


def test_a_log_without_the_column_of_times_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the columns that are missing."""
    log = table(tmp_path / "log.tsv", ["s\ta"], "SessionId\tItemId")
    assert "has no column Time" in refused(capsys, log, "--format", "serenade")
    columns = "session=session,item=item,time=when"
    said = refused(capsys, table(tmp_path / "log.csv", ["s,a,1"]), "--format", "csv", "--columns", columns)
    assert "has no column when" in said


def test_times_that_are_none_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no line has one there is nothing; where some do, they are left out and told of."""
    log = serenade(tmp_path / "none.tsv", ["s\ta\tnoon", "s\tb\tlater"])
    assert "2 lines refused: time (neither ISO 8601" in refused(capsys, log, "--format", "serenade")
    some = answered(capsys, serenade(tmp_path / "some.tsv", [*GOOD, "s\ta\tnoon"]), "--format", "serenade")
    assert some["refused_lines"] == {"time": 1}


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a head or without."""
    assert "no lines but its header" in refused(capsys, serenade(tmp_path / "log.tsv", []), "--format", "serenade")
    (tmp_path / "nothing").write_text("")
    assert "Its first line is empty." in refused(capsys, tmp_path / "nothing", "--format", "serenade")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("session,item,time\rs,a,1\r", "ends its lines with CR alone: save it with LF."),
        ("", "its first line must name the columns"),
        ("session,item,item,time\ns,a,b,1\n", "more than one column item: rename"),
        ("sid,sku,ts\ns,a,1\n", "has sid, sku, ts."),
        ("session,item,time\ns," + "x" * 200 + ",1700000000\ns,,1700000000\n", "longer than 128 characters"),
        ("session,item,time\n,a,1700000000\n,b,1700000000\n", "neither user nor session"),
        ("session,item,time\ns,a,-1700000000\ns,b,-5\n", "before the year 2000"),
    ],
)
def test_odd_files_are_refused_by_what_to_mend(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by the name of a field alone."""
    log = tmp_path / "log.csv"
    log.write_bytes(text.encode())
    assert said in refused(capsys, log, "--format", "csv")


def test_more_lines_refused_than_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A price that is no number costs its line; where that is most of them, the figures are of a remnant."""
    rows = [f"s{n // 3},i{n % 3},{START_S + 60 * n},{'nan' if n % 12 > 2 else n}" for n in range(120)]
    log = table(tmp_path / "log.csv", rows, "session,item,time,price")
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(log), "--format", "csv", "--no-content", "--protocol", "prequential"])
    out = capsys.readouterr().out

    assert stopped.value.code == 0
    assert "90 lines refused: price (no number from 0 to a billion, with a dot)." in out
    assert out.rstrip().endswith("before you believe the figures.")


def test_a_file_whose_columns_are_called_as_what_they_mean_needs_no_mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows' byte order mark and line ends, quotes and line breaks in titles, a price that is none, other columns."""
    rows = [f's{n // 3},i{n % 3},{START_S + 60 * n},"a ""b""\r\n茶 {n % 3}",red' for n in range(60)]
    log = tmp_path / "log.csv"
    log.write_bytes("\r\n".join(["\ufeffsession,item,time,title,colour", *rows, ""]).encode())

    assert answered(capsys, log, "--format", "csv")["events"] == {"train": 48, "test": 12}


def test_one_product_is_no_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every ranking of it would be right."""
    log = serenade(tmp_path / "log.tsv", clicks([("a", "a")] * 5))
    assert "one product only" in refused(capsys, log, "--format", "serenade")


def test_one_session_is_asked_as_it_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Frozen learning has nothing to be asked about it, and that is said."""
    log = serenade(tmp_path / "log.tsv", clicks([tuple("abcabcabcabcabc")]))
    found = answered(capsys, log, "--format", "serenade", "--last", "40%")
    assert (found["protocol"], found["n"]) == ("prequential", 6)
    assert any("every visit in the test part began before the split" in note for note in found["notes"])  # type: ignore[attr-defined]
    assert found["blend"]["intervals"]["hr@20"] == [None, None]  # type: ignore[index]
    said = refused(capsys, log, "--format", "serenade", "--protocol", "static")
    assert "asks nothing" in said


def test_a_share_that_leaves_a_part_empty_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Either part."""
    log = serenade(tmp_path / "log.tsv", GOOD)
    assert "--last 0.01 of 24 events is none" in refused(capsys, log, "--format", "serenade", "--last", "1%")
    assert "leaves none to learn" in refused(capsys, log, "--format", "serenade", "--last", "99%")


def test_a_test_part_from_before_the_training_part_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the times of both; a little overlap is how days end."""
    early = serenade(tmp_path / "early.tsv", GOOD)
    late = serenade(tmp_path / "late.tsv", clicks([("a", "b", "c")] * 8, start_s=START_S + DAY_S))
    said = refused(capsys, late, "--format", "serenade", "--test", early)
    assert "early.tsv is from 2019-05-01T08:40:00.000Z to 2019-05-01T15:41:20.000Z" in said
    assert "late.tsv goes on until 2019-05-02T15:41:20.000Z" in said

    over = serenade(tmp_path / "over.tsv", clicks([("a", "b")] * 3, start_s=START_S + 7 * 3_600, prefix="t"))
    assert answered(capsys, early, "--format", "serenade", "--test", over)["n"] == 3


def test_products_that_were_never_seen_are_cold_and_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are asked for, and found by nobody who only learns from clicks."""
    test = serenade(tmp_path / "test.tsv", clicks([("x", "y")] * 3, start_s=START_S + DAY_S))
    log = serenade(tmp_path / "log.tsv", GOOD)
    found = answered(capsys, log, "--format", "serenade", "--test", test, "--protocol", "static")
    slices = found["protocols"]["static"]["next click"]["slices"]  # type: ignore[index]

    assert (found["n"], slices["product"]["cold"]["n"], slices["popularity decile"]["never seen"]["n"]) == (3, 3, 3)


def test_purchases_alone_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a log does not have gives no table."""
    lines = [f"o{at},{item},{START_S + at * DAY_S},u{at % 3},purchase" for at in range(12) for item in "ab"]
    columns = "session=session,item=item,time=time,user=user,kind=kind"
    found = answered(capsys, table(tmp_path / "log.csv", lines), "--format", "csv", "--columns", columns)

    assert found["table"] == "purchase"
    assert list(found["protocols"]["prequential"]) == ["purchase"]  # type: ignore[index]


def test_no_file_that_is_read_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the keyboard costs nobody their log."""
    log = tmp_path / "log.tsv"
    log.write_text("what people did")
    assert "is to be read" in refused(capsys, log, "--format", "serenade", "--report", log)
    with pytest.raises(SystemExit):
        main(["tune", str(log), "--format", "serenade", "--out", str(log)])
    assert "is to be read" in capsys.readouterr().err
    assert log.read_text() == "what people did"


def test_a_report_that_cannot_be_written_is_refused_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the log is read; a path that can be written to leaves no file behind when the log is bad."""
    absent = tmp_path / "absent.tsv"
    for report in (tmp_path / "no" / "out.html", tmp_path):
        assert f"--report {report} cannot be" in refused(capsys, absent, "--format", "serenade", "--report", report)
    out = tmp_path / "out.html"
    assert "cannot be read" in refused(capsys, absent, "--format", "serenade", "--report", out)
    assert not out.exists()
    log = serenade(tmp_path / "log.tsv", GOOD)
    assert "is to be read: name another" in refused(capsys, log, "--format", "serenade", "--report", log)
    assert log.read_text().startswith("SessionId")


def test_a_full_disk_is_said_to_be_full(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do about it."""
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(Path("/dev/full").open, "wb"))
    said = refused(capsys, serenade(tmp_path / "log.tsv", GOOD), "--format", "serenade")

    assert "do not fit into" in said
    assert "set TMPDIR" in said


def test_ctrl_c_ends_without_a_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By exit code 130."""
    monkeypatch.setattr(Bars, "reached", lambda *_: signal.raise_signal(signal.SIGINT))
    log = serenade(tmp_path / "log.tsv", GOOD)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(SystemExit) as stopped:
            main(["evaluate", str(log), "--format", "serenade"])
    finally:
        signal.signal(signal.SIGINT, before)

    assert stopped.value.code == 130
    assert "Traceback" not in capsys.readouterr().err
