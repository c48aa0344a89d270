"""`aisle` whose process is killed after its nth write to the broker: `python killed_requeue.py N dead requeue ...`.

Five letters are sent at a time, in three writes: the note before, the records, the note after.
"""

import os
import signal
import sys

from streams.cli.main import main
from streams.dead import requeue
from streams.writer import AiokafkaWriter, Rows


def kill_after(writes: int) -> None:
    """Make the process end so."""
    write, done = AiokafkaWriter.write, []

    async def counted(self: AiokafkaWriter, rows: Rows) -> dict[tuple[str, int], int]:
        ends = await write(self, rows)
        done.append(1)
        if len(done) == writes:
            os.kill(os.getpid(), signal.SIGKILL)
        return ends

    AiokafkaWriter.write = counted  # type: ignore[method-assign]
    requeue.AT_ONCE = 5


if __name__ == "__main__":
    kill_after(int(sys.argv[1]))
    main(sys.argv[2:])
