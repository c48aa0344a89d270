"""Event files of each format, small and broken."""

from pathlib import Path

import pytest

from models.engagement import dwell_ms
from models.visitor import UNKNOWN
from schemas.errors import RefusedError
from schemas.events import Event
from schemas.record import rfc3339
from streams.sources.event_file import EventFile
from streams.sources.generic_csv import GenericCsv, parse_columns
from streams.sources.rees46 import Rees46
from streams.sources.uci import Uci
from tests.journey import RULES, Journey

REES46 = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
UCI = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SERENADE = "session=SessionId,item=ItemId,time=Time"


def write(tmp_path: Path, text: str, name: str = "events.csv") -> Path:
    """Write a file."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def rees46(tmp_path: Path, *rows: str) -> EventFile:
    """Make a REES46 file of these rows."""
    return EventFile(write(tmp_path, REES46 + "".join(f"{row}\n" for row in rows)), Rees46())


def uci(tmp_path: Path, *rows: str) -> EventFile:
    """Make a UCI file of these rows."""
    return EventFile(write(tmp_path, UCI + "".join(f"{row}\n" for row in rows)), Uci())


def brief(events: list[Event]) -> list[tuple[str, str, str]]:
    """Shorten events to visitor, name and first product."""
    return [(event.visitor_id, event.name, event.items[0].product_id) for event in events]


def test_a_rees46_line_becomes_one_event(tmp_path: Path) -> None:
    """With its time, its user, its kind of page, its price and an id made of the file's digest and the line."""
    file = rees46(tmp_path, "2019-10-01 00:00:09 UTC,cart,7,9,electronics.audio.headphone,sony,59.90,u1,s1")
    (event,) = file.events()
    assert brief([event]) == [("u1", "add_to_cart", "7")]
    assert event.event_id == f"{file.content.digest[:16]}-2"
    assert rfc3339(event.at) == "2019-10-01T00:00:09.000Z"
    assert event.page is not None
    assert (event.page.kind, event.items[0].price, event.consent) == ("cart", 59.9, "personalisation")


def test_a_look_lasts_until_the_visitors_next_event(tmp_path: Path) -> None:
    """A file that knows no page views says nothing of pages: three clicks of one session are three looks."""
    times = ("00:00:00", "00:00:01", "00:01:40")
    shop = rees46(tmp_path, *(f"2019-10-01 {time} UTC,view,{i},9,,,1,u1,s1" for i, time in enumerate(times)))
    rows = "".join(f"s1,{i},2019-10-01 {time}\n" for i, time in enumerate(times))
    sessions = EventFile(
        write(tmp_path, "SessionId,ItemId,Time\n" + rows, "sessions.csv"), GenericCsv(parse_columns(SERENADE))
    )
    for file in (shop, sessions):
        visit = Journey()
        for event in file.events():
            visit.take(event)
        assert [dwell_ms(step, RULES) for step in visit.visitor.session.steps] == [1_000, 99_000, UNKNOWN]


def test_an_invoice_is_no_page_view(tmp_path: Path) -> None:
    """Nor is anything else in the files; slates answer to no page."""
    file = uci(tmp_path, "536365,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom")
    assert [event.page.view_id for event in file.events() if event.page] == [None, None]


def test_a_rees46_product_has_the_best_title_there_is(tmp_path: Path) -> None:
    """Brand and last category, the path, and the price as last seen, even if the last line says less."""
    file = rees46(
        tmp_path,
        "2019-10-01 00:00:01 UTC,view,7,9,electronics.audio.headphone,sony,59.90,u1,s1",
        "2019-10-01 00:00:02 UTC,view,7,9,,,49.90,u1,s1",
    )
    (product,) = file.products()
    assert (product.title, product.category) == ("Sony headphone", ("electronics", "audio", "headphone"))
    assert product.price == 49.9
    assert product.updated_at is not None
    assert rfc3339(product.updated_at) == "2019-10-01T00:00:02.000Z"


def test_refused_lines_are_counted_by_reason(tmp_path: Path) -> None:
    """None stops the file, none is silent."""
    file = rees46(
        tmp_path,
        "2019-10-01 00:00:01 UTC,view,7,9,,,1,u1,s1",
        "2019-10-01 00:00:01 UTC,view,7,9",
        "2019-10-01 00:00:01 UTC,view,7,9,,,1,u1,s1,more",
        "yesterday,view,7,9,,,1,u1,s1",
        "2019-10-01 00:00:01 UTC,wink,7,9,,,1,u1,s1",
        "2019-10-01 00:00:01 UTC,view,,9,,,1,u1,s1",
        "2019-10-01 00:00:01 UTC,view,7,9,,,1,,",
        "2019-10-01 00:00:01 UTC,view,7,9,,,nan,u1,s1",
        f"2019-10-01 00:00:01 UTC,view,{'x' * 10_000},9,,,1,u1,s1",
        "",
        "2019-10-01 00:00:02 UTC,view,8,9,,,1,,s1",
    )
    assert brief(list(file.events())) == [("u1", "view_item", "7"), ("s1", "view_item", "8")]
    assert file.refused == {
        "wrong number of fields": 2,
        "time": 1,
        "event_type": 1,
        "product_id": 2,
        "visitor_id": 1,
        "price": 1,
    }
    assert [product.product_id for product in file.products()] == ["7", "8"]


def test_reading_twice_gives_the_same_events(tmp_path: Path) -> None:
    """Ids and order are a function of the file, so that an import can go on where it stopped."""
    file = rees46(tmp_path, *(f"2019-10-01 00:00:0{i % 3} UTC,view,{i},9,,,1,u1,s1" for i in range(9)))
    assert [event.encode() for event in file.events()] == [event.encode() for event in file.events()]


def test_a_disordered_file_comes_in_event_time_order(tmp_path: Path) -> None:
    """Lines of one time keep the file's order."""
    file = rees46(
        tmp_path,
        "2019-10-01 00:00:05 UTC,view,d,9,,,1,u1,s1",
        "2019-10-01 00:00:01 UTC,view,a,9,,,1,u1,s1",
        "2019-10-01 00:00:03 UTC,view,b,9,,,1,u1,s1",
        "2019-10-01 00:00:03 UTC,view,c,9,,,1,u1,s1",
    )
    assert [event.items[0].product_id for event in file.events()] == ["a", "b", "c", "d"]


def test_a_file_of_another_format_is_refused_by_its_columns(tmp_path: Path) -> None:
    """One sentence names the missing columns."""
    file = EventFile(write(tmp_path, UCI), Rees46())
    with pytest.raises(RefusedError, match=r"has no column event_time, .*: is it really a REES46 event file\?"):
        list(file.events())


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    """It has no columns."""
    with pytest.raises(RefusedError, match="has no column"):
        list(EventFile(write(tmp_path, text), Rees46()).events())


def test_a_limit_counts_rows(tmp_path: Path) -> None:
    """Refused ones included: the first lines of a file are the same lines whoever reads them."""
    file = rees46(tmp_path, *(f"2019-10-01 00:00:0{i} UTC,view,{i},9,,,1,u1,s1" for i in range(5)))
    file.limit = 2
    assert len(list(file.events())) == 2


def test_an_invoice_is_carts_and_one_purchase(tmp_path: Path) -> None:
    """Each line with its quantity, price and country; the purchase holds them all and has an id of its own."""
    file = uci(
        tmp_path,
        "536365,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom",
        "536365,71053,LANTERN,2,2010-12-01 08:26:00,3.39,17850.0,United Kingdom",
        "536366,22633,HAND WARMER,6,2010-12-01 08:28:00,1.85,,EIRE",
    )
    events = list(file.events())
    assert brief(events) == [
        ("17850", "add_to_cart", "85123A"),
        ("17850", "add_to_cart", "71053"),
        ("17850", "purchase", "85123A"),
        ("invoice-536366", "add_to_cart", "22633"),
        ("invoice-536366", "purchase", "22633"),
    ]
    assert [(item.product_id, item.quantity, item.price) for item in events[2].items] == [
        ("85123A", 6, 2.55),
        ("71053", 2, 3.39),
    ]
    assert len({event.event_id for event in events}) == 5
    assert [event.context.country for event in events if event.context] == ["GB", "GB", "GB", "IE", "IE"]


def test_a_long_invoice_is_split(tmp_path: Path) -> None:
    """450 lines are 450 carts and purchases of 200, 200 and 50 items."""
    file = uci(tmp_path, *(f"1,{10_000 + i},X,1,2010-12-01 08:26:00,1,5,France" for i in range(450)))
    events = list(file.events())
    assert [len(event.items) for event in events if event.name == "purchase"] == [200, 200, 50]
    assert sum(event.name == "add_to_cart" for event in events) == 450


def test_cancellations_are_refunds_and_corrections_are_refused(tmp_path: Path) -> None:
    """A C-invoice gives things back; a negative quantity elsewhere is the shop's own bookkeeping."""
    file = uci(
        tmp_path,
        "C536379,22633,HAND WARMER,-1,2010-12-01 09:41:00,1.85,14527,United Kingdom",
        "536380,22633,damaged,-10,2010-12-01 09:42:00,0,,United Kingdom",
    )
    (event,) = file.events()
    assert (event.name, event.items[0].quantity) == ("refund", 1)
    assert file.refused == {"quantity": 1}


def test_uci_titles_keep_quotes_and_bookkeeping_is_hidden(tmp_path: Path) -> None:
    """A description is the title; postage is not recommended."""
    file = uci(
        tmp_path,
        '1,90214D,"LETTER ""D"" BLING, KEY RING ",1,12/1/2010 14:32,0.85,5,EIRE',
        "1,POST,POSTAGE,1,12/1/2010 14:32,18,5,EIRE",
    )
    assert [(product.title, product.hidden) for product in file.products()] == [
        ('LETTER "D" BLING, KEY RING', False),
        ("POSTAGE", True),
    ]


def test_any_delimited_file_reads_through_a_mapping(tmp_path: Path) -> None:
    """Tabs, epochs, sessions without users, in time order although the file is not."""
    path = write(tmp_path, "SessionId\tItemId\tTime\n5\t77\t1590999999\n5\t78\t1590999990\n", "train.txt")
    file = EventFile(path, GenericCsv(parse_columns(SERENADE)))
    assert brief(list(file.events())) == [("5", "view_item", "78"), ("5", "view_item", "77")]


def test_a_mapping_can_name_everything(tmp_path: Path) -> None:
    """Kind words of public data sets, titles with emoji, prices, quantities, categories."""
    path = write(
        tmp_path,
        "\ufeffwho;what;when;did;name;cost;n;where;cur\n"
        "u1;7;2024-05-01T10:00:00Z;transaction;Mug 🛒 ספל;9.50;3;Home > Kitchen;EUR\n"
        "u1;7;2024-05-01T10:00:01Z;stare;Mug;9.50;1;Home;EUR\n",
    )
    columns = "user=who,item=what,time=when,kind=did,title=name,price=cost,quantity=n,category=where,currency=cur"
    file = EventFile(path, GenericCsv(parse_columns(columns)))
    (event,) = file.events()
    assert (event.name, event.items[0].quantity, event.items[0].currency) == ("purchase", 3, "EUR")
    assert file.refused == {"kind": 1}
    (product,) = file.products()
    assert product.title == "Mug"
    assert product.category == ("Home",)


@pytest.mark.parametrize(
    "text",
    ["", "item=a", "item=a,time=b", "item=a,time=b,sesion=c", "item=a,item=b,time=c,user=d", "item,time=b,user=c"],
)
def test_a_mapping_that_says_too_little_is_refused(text: str) -> None:
    """With a sentence that shows how to write one."""
    with pytest.raises(RefusedError, match="--columns"):
        parse_columns(text)


def test_a_quote_that_never_closes_costs_only_what_it_swallowed(tmp_path: Path) -> None:
    """The lines it swallowed are counted and the file goes on."""
    swallowed = [f"2019-10-01 00:00:01 UTC,view,7,9,,,1,u1,s{i}" for i in range(3000)]
    file = rees46(tmp_path, '2019-10-01 00:00:01 UTC,view,"7,9,,,1,u1,s1', *swallowed)
    events = list(file.events())
    assert events
    assert file.refused["unreadable"] + len(events) == 3001
