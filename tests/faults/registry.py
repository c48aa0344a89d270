"""Every kind of fault there is: what a long plan draws from, and what the short one is."""

from tests.faults.fault import Fault, Together
from tests.faults.kills import Kill, KillAt, KillInRebalance, KillInRestore
from tests.faults.kinds.odd import CHEAP, ODD
from tests.faults.outside import BrokerDown, Cut, ShortCut
from tests.faults.workers import Join, Leave, Term, Vanish, Zombie

BROKER_DOWN = BrokerDown("broker kill -9", (0.0, 3.0), weight=1.5)

KINDS: tuple[Fault, ...] = (
    Kill(),
    KillAt("after-output"),
    KillAt("between-visitors"),
    KillAt("before-watermark"),
    KillAt("after-watermark"),
    KillInRestore(),
    KillInRebalance("revoked"),
    KillInRebalance("assigned"),
    Term(),
    Join(),
    Leave(),
    Vanish(),
    Zombie(),
    Zombie("before-output"),
    Zombie("before-states"),
    Cut(),
    ShortCut(),
    BROKER_DOWN,
    BrokerDown("broker away for 60 s", (60.0, 60.0), weight=0.5, most=2),
    Together(BROKER_DOWN, Kill()),
    Together(BROKER_DOWN, KillAt("after-output")),
    Together(Join(), KillAt("between-visitors")),
    Together(Kill(), ShortCut()),
    *ODD,
)

SHORT: tuple[Fault, ...] = (
    *CHEAP,
    KillAt("after-output"),
    KillAt("between-visitors"),
    KillAt("before-watermark"),
    KillAt("after-watermark"),
    KillInRestore(),
    KillInRebalance("revoked"),
    Join(),
    Zombie("before-output"),
)
"""In this order, from one worker: what is no death at all, every marked point, and a worker that outlives its turn."""
