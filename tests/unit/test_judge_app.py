"""The judge's process gives way to those that serve."""

import subprocess
import sys

ASK = "import os; from streams.judge_app import NICE, give_way; give_way(); print(os.nice(0) >= NICE)"


def test_a_judge_lets_everything_else_go_first() -> None:
    """In a session of its own, as its supervisor starts it."""
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert done.stdout == "True\n"
