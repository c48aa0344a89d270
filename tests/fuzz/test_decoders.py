"""Nothing but the one decode error: a few thousand inputs a decoder here, a million by `make fuzz`."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from schemas.errors import DecodeError
from tests.fuzz.campaign import Tally, blind
from tests.fuzz.targets import Target, targets

ALL = targets()
INPUTS = 1200


@pytest.mark.parametrize("name", ALL)
def test_a_decoder_gives_a_record_or_its_one_error(name: str) -> None:
    """Whatever the bytes; and enough of them are good for the rest of the decoder to be reached."""
    tally = blind(ALL[name], inputs=INPUTS, seed=7)
    assert tally.failures == {}
    assert tally.accepted + tally.refused.total() == tally.inputs == INPUTS
    assert tally.accepted > INPUTS / 100


@pytest.mark.parametrize("name", ALL)
def test_the_examples_are_good(name: str) -> None:
    """A fuzzer that starts from what is refused would look at the first line of a decoder only."""
    for example in ALL[name].examples:
        ALL[name].run(example)


def test_a_visitor_without_steps_waits_for_no_page() -> None:
    """What a long run once found: the visitor's next event looked for a step that was not there."""
    state = json.loads(ALL["Visitor"].examples[0])
    state["session"].pop("steps", None)
    state["session"]["counts"] = [5, 3, 1, 1]
    ALL["Visitor"].run(json.dumps(state, separators=(",", ":")).encode())


def test_a_fault_is_found_and_kept(tmp_path: Path) -> None:
    """A decoder that forgets one error is caught by the same campaign, and the input that shows it is a file."""

    def forgetful(data: bytes) -> object:
        try:
            return json.loads(data)["mark"] + 1
        except (ValueError, KeyError):
            raise DecodeError("not_json", "x") from None

    tally = blind(Target("forgetful", forgetful, [b'{"mark":3}']), inputs=500, seed=1)
    tally.keep(tmp_path)
    assert {what.split(" ")[0] for what in tally.failures} == {"TypeError"}
    (kept,) = {file.name for file in tmp_path.iterdir()} & set(tally.plain()["failures"].values())
    with pytest.raises(TypeError):
        forgetful((tmp_path / kept).read_bytes())


def test_the_same_seed_gives_the_same_inputs() -> None:
    """A figure can be had again."""
    one, other = (blind(ALL["Watermark"], inputs=300, seed=5) for _ in range(2))
    assert one == other != blind(ALL["Watermark"], inputs=300, seed=6)
    assert isinstance(one, Tally)


def test_the_command_prints_its_figures_last() -> None:
    """`make fuzz ARGS="--json"`: the last line is for scripts."""
    command = [sys.executable, "-m", "tests.fuzz", "--blind", "--inputs", "50", "--decoder", "Watermark", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["failures"] == 0
    assert [one["inputs"] for one in figures["decoders"]] == [50]


def test_mutations_keep_some_records_whole() -> None:
    """A head is drawn anew, the body changes, a seal is put on last."""
    target = Target("sealed", len, [], head=1, seal=lambda body: body + b"!")
    made = {target.mutated(b"\0abc", Random(n), [b"\0xyz"]) for n in range(50)}
    assert len(made) > 25
    assert sum(data.endswith(b"!") for data in made) > 25
