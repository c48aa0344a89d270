"""The supervisor itself, over a worker with marks: what `aisle worker clicks` does.

Its patience is shorter: here a worker that ran for three seconds was killed by us, and not by what it does.
"""

import logging.config
import sys

from streams.settings import Settings
from streams.supervisor import BackOff, Supervisor
from streams.telemetry import logging_config
from streams.worker_files import files_of

STEADY_S = 3.0


def main() -> int:
    """Supervise until told to stop."""
    settings = Settings()
    logging.config.dictConfig(logging_config("info", "text"))
    command = [sys.executable, "-m", "tests.faults.worker"]
    accept = "--accept-gap" in sys.argv
    files = files_of(settings, "clicks")
    return Supervisor(command, files, settings, accept_gap=accept, back_off=BackOff(steady_s=STEADY_S)).run()


if __name__ == "__main__":
    sys.exit(main())
