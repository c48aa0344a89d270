"""Shelves on a page: which comes when, and what moves."""

from playwright.sync_api import Page

from tests.browser.gateway_double import GatewayDouble, item, shelf
from tests.browser.shop import HOME, RENDER, init, shows, titles

ASKED_OFTEN, MOST_TURNS = 12, 2000


def test_a_newer_slate_replaces_an_older_one_only(page: Page, gateway: GatewayDouble) -> None:
    """Revisions and events in their order; what is known of a visitor before what is not."""
    gateway.shelves["home", None] = shelf(products="a b", at=5, contextual=True)
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    newest = shelf(products="c d", slate="s-0-7-home-0685", at=4, revision=1)
    gateway.push("slate", newest)
    shows(page, "c d")
    gateway.push("slate", shelf(products="x", slate="s-0-7-home-0685", at=4))
    gateway.push("slate", shelf(products="y", slate="s-0-6-home-0685", at=3, revision=1))
    gateway.push("slate", shelf(products="z", at=9, contextual=True))
    gateway.push("slate", shelf(products="e f", slate="s-0-8-home-0685", at=6))
    shows(page, "e f")
    assert page.locator("#home > [data-slate='s-0-8-home-0685']").count() == 2


def test_two_anchors_are_kept_apart(page: Page, gateway: GatewayDouble) -> None:
    """One stream brings both shelves, each to its slot."""
    for name in "ab":
        gateway.shelves["product", name] = shelf("product", f"{name}1", anchor=name)
    slots = RENDER + "for (const id of ['a', 'b']) aisle.slot(document.querySelector('#' + id),"
    slots += "{placement: 'product', productId: id, render});"
    page.goto(gateway.page("/", init() + slots, '<div id="a"></div><div id="b"></div>'))
    page.wait_for_selector("#a [data-product=a1]")
    page.wait_for_selector("#b [data-product=b1]")
    gateway.wait(lambda double: double.streams)
    assert sorted(gateway.streams[-1][0]) == ["product:a", "product:b"]
    gateway.push("slate", shelf("product", "a2", anchor="a", slate="s-0-2-product-0685", at=2))
    page.wait_for_selector("#a [data-product=a2]")
    assert page.locator("#b [data-product=b1]").count() == 1
    assert len(gateway.streams) == 1


def test_nothing_moves_under_the_pointer(page: Page, gateway: GatewayDouble) -> None:
    """An update waits until the pointer has left; a product that sold out is only marked."""
    gateway.shelves["home", None] = shelf(products="a b")
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b")
    page.hover("text=Product a")
    gateway.push("slate", shelf(products="c d", slate="s-0-2-home-0685", at=2))
    gateway.push("withdraw", {"product_ids": ["a"]})
    page.wait_for_selector("[data-product=a][aria-disabled=true]")
    assert titles(page) == ["a", "b"]
    page.mouse.move(700, 500)
    shows(page, "c d")


def test_nothing_moves_while_the_focus_is_inside(page: Page, gateway: GatewayDouble) -> None:
    """And an update that comes at last leaves the focus where it was, on the same node."""
    gateway.shelves["home", None] = shelf(products="a b")
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b")
    page.evaluate("window.node = document.querySelector('[data-product=b]')")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    gateway.push("slate", shelf(products="c b a", slate="s-0-2-home-0685", at=2))
    page.wait_for_timeout(400)
    assert titles(page) == ["a", "b"]
    shows(page, "c b a")
    assert page.evaluate("document.activeElement === node && node.dataset.rank === '2'")


def test_what_sold_out_makes_room_for_reserves(page: Page, gateway: GatewayDouble) -> None:
    """They keep the ranks of the slate, so that gaps stay."""
    gateway.shelves["home", None] = shelf(products="a b", reserves="c d")
    page.goto(gateway.page("/", init() + HOME))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b")
    gateway.push("withdraw", {"product_ids": ["a", "c"]})
    shows(page, "b d")
    assert page.locator("#home > *").evaluate_all("nodes => nodes.map(node => node.dataset.rank)") == ["2", "4"]


def test_moving_products_shift_no_layout(page: Page, gateway: GatewayDouble) -> None:
    """Nodes of products that stay are the same ones, and the browser counts no shift."""
    gateway.shelves["home", None] = shelf(products="a b c")
    watch = """
    window.shifts = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => { shifts += entry.value; }))
      .observe({type: "layout-shift", buffered: true});
    """
    gateway.pages["/rows.css"] = ("text/css", b"#home > * { display: block; height: 60px }")
    head = '<link rel="stylesheet" href="/rows.css">'
    body = '<div id="home"></div>'
    page.goto(gateway.page("/", watch + init() + HOME.replace("render}", "render, size: 3}"), body, head=head))
    gateway.wait(lambda double: double.streams)
    shows(page, "a b c")
    page.evaluate("window.node = document.querySelector('[data-product=a]')")
    gateway.push("slate", shelf(products="c d a", slate="s-0-2-home-0685", at=2))
    shows(page, "c d a")
    page.wait_for_function("() => document.getAnimations().length === 0")
    assert page.evaluate("document.querySelector('[data-product=a]') === node")
    assert page.evaluate("new Promise((done) => setTimeout(() => done(shifts), 100))") == 0


def test_titles_are_text(page: Page, gateway: GatewayDouble) -> None:
    """Whatever a catalogue says, nothing of it runs."""
    evil = item("a", 1) | {"title": '<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>'}
    gateway.shelves["home", None] = shelf() | {"items": [evil]}
    page.goto(gateway.page("/", init() + HOME))
    shows(page, "a")
    assert page.evaluate("document.querySelector('#home a').textContent") == evil["title"]
    assert page.evaluate("window.evil") is None


def test_a_page_that_comes_back_is_a_new_view(page: Page, gateway: GatewayDouble) -> None:
    """Out of the browser's memory or loaded again, its shelves are fresh."""
    gateway.shelves["home", None] = shelf()
    gateway.page("/next", init(kind="category"))
    page.goto(gateway.page("/", init() + HOME))
    shows(page, "p1 p2 p3")
    gateway.shelves["home", None] = shelf(products="n", at=2, slate="s-0-2-home-0685")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    shows(page, "n")
    gateway.wait(lambda double: len(double.events("page_view")) == 2)
    page.goto(gateway.url + "/next")
    gateway.wait(lambda double: len(double.events("page_view")) == 3)
    page.go_back()
    shows(page, "n")
    views = gateway.wait(lambda double: len(double.events("page_view")) == 4 and double.events("page_view"))
    assert len({view["page"]["view_id"] for view in views}) == 4


def test_without_streams_the_page_asks(page: Page, gateway: GatewayDouble) -> None:
    """And without an IntersectionObserver shelves still fill."""
    page.add_init_script("delete window.EventSource; delete window.IntersectionObserver;")
    gateway.shelves["home", None] = shelf()
    page.goto(gateway.page("/", init(pollMs=100) + HOME))
    shows(page, "p1 p2 p3")
    gateway.shelves["home", None] = shelf(products="n", at=2, slate="s-0-2-home-0685")
    shows(page, "n")


def test_an_empty_shelf_is_asked_for_again(page: Page, gateway: GatewayDouble) -> None:
    """Its slate is on the way; meanwhile placeholders hold its room."""
    page.goto(gateway.page("/", init(consent="refused") + HOME.replace("render}", "render, size: 2}")))
    gateway.wait(lambda double: double.asked)
    assert page.locator("#home > div:empty").count() == 2
    gateway.shelves["home", None] = shelf(products="a b", contextual=True)
    shows(page, "a b")


def test_an_empty_shelf_is_asked_for_as_long_as_the_page_is_there(page: Page, gateway: GatewayDouble) -> None:
    """Whoever opens a page before the workers have learned sees the shelf come, without loading the page again."""
    page.clock.install()
    page.goto(gateway.page("/", init(consent="refused") + HOME))
    for _ in range(MOST_TURNS):
        page.clock.fast_forward(120_000)
        if len(gateway.asked) > ASKED_OFTEN:
            break
    assert len(gateway.asked) > ASKED_OFTEN


def test_a_closed_slot_asks_for_nothing_more(page: Page, gateway: GatewayDouble) -> None:
    """The stream is opened anew for the shelves that are left."""
    gateway.shelves["home", None] = gateway.shelves["cart", None] = shelf()
    setup = RENDER + "const {home} = window; window.slots = ['home', 'cart'].map((placement) =>"
    setup += "aisle.slot(document.querySelector('#' + placement), {placement, render}));"
    page.goto(gateway.page("/", init() + setup, '<div id="home"></div><div id="cart"></div>'))
    gateway.wait(lambda double: double.streams and double.streams[-1][0] == ["home", "cart"])
    page.evaluate("slots[1].close()")
    gateway.wait(lambda double: double.streams[-1][0] == ["home"])
