"""The public data sets, read to the end."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

from streams.sources.event_file import EventFile
from streams.sources.generic_csv import GenericCsv, parse_columns
from streams.sources.rees46 import Rees46
from streams.sources.uci import Uci


def test_rees46_is_read_to_the_last_line(data_dir: Path) -> None:
    """17,434 lines are 17,434 events of known kinds, and none is refused."""
    file = EventFile(data_dir / "rees46/events_clean.csv.gz", Rees46())
    events = list(file.events())
    names = Counter(event.name for event in events)
    assert names == {"view_item": 17_055, "add_to_cart": 165, "purchase": 214}
    assert not file.refused
    assert len({event.event_id for event in events}) == 17_434
    assert len({event.visitor_id for event in events}) == 4_504
    assert len(list(file.products())) == 6_493
    assert all(a.at <= b.at for a, b in pairwise(events))


def test_uci_lines_are_carts_and_invoices_purchases(data_dir: Path) -> None:
    """50,000 lines are 50,000 carts; every invoice is a purchase of its lines, at most 200 at a time."""
    file = EventFile(data_dir / "uci_online_retail/online_retail_clean_sales.csv.gz", Uci(), limit=50_000)
    carts, bought, ids = 0, 0, set()
    for event in file.events():
        ids.add(event.event_id)
        carts += event.name == "add_to_cart"
        bought += len(event.items) if event.name == "purchase" else 0
    assert (carts, bought) == (50_000, 50_000)
    assert len(ids) == 51_883
    assert not file.refused
    titles = {product.product_id: product.title for product in file.products()}
    assert titles["85123A"] == "WHITE HANGING HEART T-LIGHT HOLDER"


def test_serenade_reads_through_a_mapping(data_dir: Path) -> None:
    """A disordered file of another shop comes in event-time order."""
    file = EventFile(
        data_dir / "serenade_toy/train.txt.gz", GenericCsv(parse_columns("session=SessionId,item=ItemId,time=Time"))
    )
    times = [event.at for event in file.events()]
    assert len(times) == 113_601
    assert times == sorted(times)
    assert not file.refused
