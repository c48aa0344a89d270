"""The pieces all kernels share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models import kernel
from models.decay import Decay
from models.items import Registry
from models.kernel import add_weight, hash63, top_n
from models.pair_limit import PairLimit, mixed, take


@settings(deadline=None)  # the first call may compile
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.5])), st.integers(0, 12))
def test_top_n_is_a_sort_cut_short(scores: list[float], limit: int) -> None:
    """The best come first, equal scores by the smaller number, whatever the order of arrival."""
    values = np.array(scores, np.float32)
    ids = np.arange(len(scores), dtype=np.int32)[::-1].copy()
    best, found = top_n(ids, values, len(scores), limit)
    expected = sorted(zip((-values).tolist(), ids.tolist(), strict=True))[:limit]
    assert list(zip((-found).tolist(), best.tolist(), strict=True)) == expected


def test_cached_code_follows_the_files_it_calls(tmp_path: Path) -> None:
    """A kernel whose callee has changed in another file is compiled anew, not served from the cache."""
    shutil.copytree(Path(kernel.__file__).parent, tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    program = "import numpy as np; from models.covisitation import _query as q; "
    program += "e = np.zeros((1, 1), np.float32); r = np.zeros(1, np.int32); "
    program += "q(r[None], e, r, r, 0.6, e[0], 5); print(sum(q.stats.cache_hits.values()))"

    def hits() -> str:
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        command = [sys.executable, "-c", program]
        return subprocess.check_output(command, text=True, env=environment, cwd=tmp_path).strip()

    assert [hits(), hits()] == ["0", "1"]
    with (tmp_path / "models" / "kernel.py").open("a") as file:
        file.write("\n# changed\n")
    assert [hits(), hits()] == ["0", "1"]


def test_a_full_row_gives_up_its_weakest_partner() -> None:
    """Partners beyond the slots replace the weakest, known ones grow."""
    ids, weights, used = np.zeros((1, 2), np.int32), np.zeros((1, 2), np.float32), np.zeros(1, np.int32)
    for partner in (7, 8, 8, 9):
        add_weight(ids, weights, used, 0, partner, 1.0)
    assert dict(zip(ids[0].tolist(), weights[0].tolist(), strict=True)) == {8: 2.0, 9: 1.0}


def test_hash_is_stable() -> None:
    """Names hash alike in every process and version, since hashes are in snapshots."""
    assert hash63("visitor") == 2_522_850_229_269_610_411


def test_registry_evicts_the_longest_unseen() -> None:
    """When room is needed, a sixteenth goes at once, oldest first, and numbers are used again."""
    names = Registry(32)
    for i in range(32):
        names.intern(f"n{i}")
    names.intern("n0")
    assert names.make_room(1).tolist() == [1, 2]
    assert names.get("n1") == -1
    assert names.intern("new") in {1, 2}
    assert names.rows == 32


def test_half_life_is_what_it_says() -> None:
    """An event weighs twice what the event one half-life before did."""
    decay = Decay(1 / 3, 100, 1_000)
    first = decay.step()
    for _ in range(99):
        decay.step()
    assert np.isclose(decay.step() / first, 2.0)


def test_half_life_follows_the_history() -> None:
    """The half-life is a third of the events seen, looked at every 10,000, within its bounds."""
    decay = Decay(1 / 3, 5_000, 3_000_000)
    decay.seen = 59_999
    assert np.isclose(decay.half_life, 50_000 / 3)
    decay.step()
    assert np.isclose(decay.half_life, 20_000)
    decay.seen = 10**9
    assert decay.half_life == 3_000_000


def test_three_additions_a_day() -> None:
    """A visitor adds to a pair three times a day, in either order; others and other days are free."""
    limit = PairLimit(64, 3)

    def taken(visitor: int, a: int, b: int, day: int) -> bool:
        return bool(take(limit.keys, limit.days, limit.counts, mixed(visitor, a, b), day, limit.most))

    assert [taken(1, 5, 6, 0), taken(1, 6, 5, 0), taken(1, 5, 6, 0), taken(1, 5, 6, 0)] == [True, True, True, False]
    assert taken(2, 5, 6, 0)
    assert taken(1, 5, 7, 0)
    assert taken(1, 5, 6, 1)
