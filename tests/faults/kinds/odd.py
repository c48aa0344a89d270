"""The faults that are no death of a worker or broker, by name."""

from tests.faults.fault import Fault
from tests.faults.kinds.catalogue import CatalogueDown
from tests.faults.kinds.clock import ClockJump
from tests.faults.kinds.disk import DiskFull
from tests.faults.kinds.index import IndexCorrupted
from tests.faults.kinds.poison import PoisonChangelog, PoisonRecord
from tests.faults.kinds.torn import TornWrite

ODD: tuple[Fault, ...] = (
    TornWrite("output"),
    TornWrite("state"),
    PoisonRecord(),
    PoisonChangelog(),
    ClockJump(+1),
    ClockJump(-1),
    DiskFull(),
    IndexCorrupted(),
    CatalogueDown(),
)

CHEAP: tuple[Fault, ...] = (ClockJump(+1), TornWrite("output"), PoisonChangelog())
"""Those that take a few seconds each, for the short plan."""
