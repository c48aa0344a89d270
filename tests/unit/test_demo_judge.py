"""The demo says who judges, who was served from judgements at once, and what judging took beside the traffic."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.errors import RefusedError
from schemas.judgements import SPENDING_KEY
from schemas.slates import JudgedBy
from streams.demo.judge import Judge, announcement, choose_judge
from streams.demo.judge_client import JudgeClient, read
from streams.demo.judge_view import judge_lines, judge_panel
from streams.demo.judged import JudgeBoard, Spent
from streams.demo.scoreboard import Scoreboard
from streams.demo.view import PlainView
from streams.http import HealthServer, Probes
from streams.settings import Settings

METRICS = """\
# TYPE aisle_llm_calls_total counter
aisle_llm_calls_total{outcome="ok"} 7.0
aisle_llm_calls_total{outcome="timeout"} 2.0
aisle_llm_calls_total{outcome="budget"} 30.0
aisle_llm_calls_total{outcome="open"} 40.0
# TYPE aisle_llm_tokens_total counter
aisle_llm_tokens_total{kind="prompt"} 900.0
aisle_llm_tokens_total{kind="completion"} 80.0
# TYPE aisle_llm_usd_total counter
aisle_llm_usd_total 0.25
"""


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Take away whatever names a language model here."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AISLE_LLM_USD_PER_MILLION_PROMPT"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def chosen(choice: str, *, url: str | None = None) -> Judge | None:
    """Choose as the demo does."""
    return choose_judge(choice, Settings(), port=1234, url=url)


def judged(by: str, *, covered: bool) -> JudgedBy:
    """Say how far a slate is judged."""
    told = {"segment": "new.any.any", "intent": "wear/any.low.browsing", "by": by, "hits": 3, "of": 20}
    return JudgedBy.model_validate({**told, "covered": covered})


def counted() -> JudgeBoard:
    """Let slates come in the first minute and after it: one covered of two, two covered of three."""
    board = JudgeBoard(Judge("simulated", "simulated-judge"))
    board.event(1000.0)
    early = [judged("fine", covered=True), judged("none", covered=False), None]
    late = [judged("fine", covered=True), judged("coarse", covered=True), judged("coarse", covered=False)]
    for place, by in enumerate(early + late):
        board.slate("home", by, revision=0, latency_ms=10.0, now_s=1000.0 + 25 * place)
        board.slate("product", None, revision=0, latency_ms=10.0, now_s=1000.0 + 25 * place)
    return board


def test_the_simulated_judge_is_asked_where_no_other_is_set(alone: pytest.MonkeyPatch) -> None:
    """At default prices whatever is set, and within a budget that stops nobody: it costs nothing."""
    alone.setenv("AISLE_LLM_USD_PER_MILLION_PROMPT", "99")
    judge = chosen("auto")
    assert judge is not None
    assert (judge.kind, judge.title, announcement(judge, Settings())) == ("simulated", "Simulated judge", None)
    assert judge.environment["OPENAI_BASE_URL"] == "http://127.0.0.1:1234/v1"
    assert judge.environment["AISLE_LLM_USD_PER_MILLION_PROMPT"] == "0.4"
    assert judge.command is not None
    elsewhere = chosen("simulated", url="http://127.0.0.1:9/v1")
    assert elsewhere is not None
    assert (elsewhere.environment["OPENAI_BASE_URL"], elsewhere.command) == ("http://127.0.0.1:9/v1", None)


def test_a_real_judge_is_announced_with_its_price_and_how_to_do_without(alone: pytest.MonkeyPatch) -> None:
    """Nobody pays by surprise; the key is passed on and never shown."""
    alone.setenv("OPENAI_API_KEY", "sk-secret")
    alone.setenv("AISLE_LLM_BUDGET_USD_PER_HOUR", "2.5")
    judge = chosen("auto")
    assert judge is not None
    assert (judge.kind, judge.command, judge.environment["OPENAI_API_KEY"]) == ("real", None, "sk-secret")
    line = announcement(judge, Settings()) or ""
    for wanted in ("gpt-4.1-mini", "2.5 USD an hour", "--judge simulated", "--judge off"):
        assert wanted in line
    assert "sk-secret" not in f"{judge!r} {line} {judge.title}"
    simulated = chosen("simulated")
    assert simulated is not None
    assert simulated.environment["OPENAI_API_KEY"] == ""
    assert chosen("off") is None


@pytest.mark.parametrize(("choice", "sentence"), [("real", "set OPENAI_API_KEY"), ("me", "no judge me: choose auto")])
def test_a_judge_that_is_not_there_is_refused(choice: str, sentence: str, alone: pytest.MonkeyPatch) -> None:
    """With what to do instead."""
    del alone
    with pytest.raises(RefusedError, match=sentence):
        chosen(choice)


def test_shares_leave_out_visitors_of_whom_nothing_is_known() -> None:
    """By when the event was sent; what has no key is counted apart, other placements not at all."""
    said = counted().summary()
    assert said["covered"] == {"first_minute": 0.5, "after": 0.6667}
    assert said["slates"] == {
        "first_minute": {"fine": 1, "coarse": 0, "partial": 0, "missing": 1, "no_key": 1},
        "after": {"fine": 1, "coarse": 1, "partial": 1, "missing": 0, "no_key": 0},
    }
    assert JudgeBoard(Judge("real", "m")).summary()["covered"] == {"first_minute": None, "after": None}


def test_of_what_has_not_come_yet_nothing_is_said() -> None:
    """No share after a first minute that still runs, and no time of revisions of which there are none."""
    told = judge_lines(JudgeBoard(Judge("real", "m")))[0]
    assert "none yet in the first minute (" in told
    assert "no slate sent again" in told
    later = judge_lines(counted())[0]
    assert "50.0% of 2 in the first minute, 66.7% of 3 after it (" in later


def test_a_revision_counts_only_for_how_long_it_took() -> None:
    """Its slate was counted when it was first served."""
    board = counted()
    before = board.states(later=True)
    for ms in (300.0, 500.0, 800.0):
        board.slate("home", judged("fine", covered=True), revision=1, latency_ms=ms, now_s=1090.0)
    assert board.states(later=True) == before
    said = board.summary()
    assert (said["revisions"], said["revision_ms"]) == (3, {"p50": 500.0, "p99": 800.0})


def test_calls_stand_beside_new_keys_and_events_minute_by_minute() -> None:
    """A key is new once, whatever its table becomes; what the judge keeps for itself is none; restarts lose nothing."""
    board = counted()
    for key, at_s in ((b"a|x", 1001.0), (b"a|x", 1002.0), (b"b|x", 1070.0), (SPENDING_KEY + b"0", 1071.0)):
        board.judgement(key, b"{}", at_s)
    board.judgement(b"c|x", None, 1072.0)
    for calls, at_s in ((2, 1010.0), (5, 1130.0), (1, 1131.0)):
        board.heard(Spent(calls=calls, prompt_tokens=10 * calls, usd=0.1 * calls), at_s)
    board.event(1185.0)
    said = board.summary()
    assert (said["keys"], said["calls"], said["usd"]) == (2, 6, 0.6)
    assert said["tokens"] == {"prompt": 60, "completion": 0}
    assert said["calls_per_minute"] == [2, 0, 4, 0]
    assert said["new_keys_per_minute"] == [1, 1, 0, 0]
    assert said["events_per_minute"] == [1, 0, 0, 1]


def test_the_first_minute_begins_when_the_shop_opens() -> None:
    """Workers are heard of long before."""
    board = JudgeBoard(Judge("simulated", "simulated-judge"))
    board.heard(Spent(calls=1), 100.0)
    board.event(500.0)
    board.slate("home", judged("fine", covered=True), revision=0, latency_ms=10.0, now_s=559.0)
    assert board.covered(later=False) == 1.0
    assert board.per_minute("calls") == [1]


def test_calls_that_were_never_made_are_none() -> None:
    """The circuit breaker and the budget keep calls from being made; failed ones were."""
    assert read(METRICS) == Spent(calls=9, prompt_tokens=900, completion_tokens=80, usd=0.25)
    assert read("") == Spent()
    assert JudgeClient(1).spent() is None


def test_a_worker_that_does_not_judge_is_told_with_its_reason() -> None:
    """A refusal ends the demo as that of any other worker does; what may pass is shown."""
    reasons: list[str] = []
    told: dict[str, Any] = {"ready": True, "partitions": [0, 1]}
    server = HealthServer("127.0.0.1", 0, Probes(alive=list, ready=lambda: reasons, progress=lambda: told))
    server.start()
    client = JudgeClient(server.port)
    try:
        assert client.why_not() == ""
        told["ready"], reasons[:] = False, ["the language model refuses: unknown key"]
        board = counted()
        board.trouble = client.why_not()
        assert judge_lines(board)[-1] == "Nothing is judged now: the language model refuses: unknown key"
        told["refused"] = "no model"
        with pytest.raises(RefusedError, match="no model"):
            client.why_not()
    finally:
        client.close()
        server.stop()
    assert client.why_not() == "its worker does not answer"


def test_people_see_who_judges_and_that_it_is_simulated() -> None:
    """The panel and the plain lines say the same figures, and what the USD are."""
    board, out = counted(), io.StringIO()
    board.heard(read(METRICS), 1100.0)
    Console(file=out, width=250).print(judge_panel(board))
    for text in (out.getvalue(), "\n".join(judge_lines(board))):
        for wanted in ("Simulated judge", "66.7% of 3", "50.0% of 2", "not counted: 1", "9 calls", "0.2500 USD"):
            assert wanted in text
        assert "would cost" in text
    assert JudgeBoard(Judge("real", "m-1")).judge.title == "Judge (m-1)"


def test_plain_lines_tell_of_the_judge_where_there_is_one() -> None:
    """Two more every few seconds."""
    out = io.StringIO()
    PlainView(Scoreboard([], counted()), Console(file=out)).tick(100.0)
    assert len(out.getvalue().splitlines()) == 3
