"""Every kind of fault there is, by name."""

from tests.faults.fault import Fault
from tests.faults.kills import Kill, KillAt

KINDS: tuple[Fault, ...] = (
    Kill(),
    KillAt("after-output"),
    KillAt("between-visitors"),
    KillAt("before-watermark"),
    KillAt("after-watermark"),
)
