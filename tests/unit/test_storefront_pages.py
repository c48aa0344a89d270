"""The demo's shop is a shop: its pages are there, say what the catalogue says, and nothing in it runs as code."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware

from models.catalogue import Catalogue
from schemas.products import Product
from streams.demo.shop import generate_shop
from streams.demo.storefront.assortment import Assortment
from streams.demo.storefront.routes import build_storefront
from streams.web.guards import SecurityHeaders
from streams.web.site import build_site

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NASTY = """<script>alert(1)</script>"'&"""
SHOP = generate_shop(7, 120)
VOID = {"meta", "link", "img", "input", "br", "hr"}


class _Markup(HTMLParser):
    """Reads a page strictly: every element that opens also closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.text: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        assert len(known) == len(attrs), f"an attribute of {tag} is there twice"
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]
        self.ids += [known["id"] or ""] if "id" in known else []
        self.inline += [name for name in known if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in known):
            self.inline.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            assert {"alt", "width", "height"} <= known.keys()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} closes what never opened"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _product(product_id: str, **known: object) -> Product:
    return Product.model_validate(
        {"product_id": product_id, "title": product_id, "price": 10, "currency": "EUR", **known}
    )


ODD = [
    _product(
        "a/b c?<é>", title=NASTY, brand=NASTY, category=(NASTY, "x > y"), attributes={NASTY: NASTY, "colour": NASTY}
    ),
    _product("hidden", hidden=True),
    _product("soon", available_from=NOW + timedelta(days=1)),
    _product("gone", stock=0, category=("Odd",)),
    _product("red-1", group_id="red", title="Kettle, red", attributes={"colour": "red"}),
    _product("red-2", group_id="red", title="Kettle, blue", attributes={"colour": "blue"}, sale_price=7.5, stock=2),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """A small shop, and what is odd in it."""
    filled = Catalogue()
    for product in [*SHOP, *ODD]:
        filled.put(product)
    return filled


@pytest.fixture(scope="module")
def app(catalogue: Catalogue) -> FastAPI:
    """Its pages, at a fixed time."""
    pages = build_storefront(Assortment(catalogue, lambda: NOW), console_url="http://127.0.0.1:8081")
    return build_site(title="shop", routers=[pages], services=(), guards=[Middleware(SecurityHeaders)])


def _get(app: FastAPI, *paths: str) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def _read(page: str) -> _Markup:
    markup = _Markup()
    markup.feed(page)
    markup.close()
    assert not markup.open
    return markup


def _product_page(product_id: str) -> str:
    return f"/p/{quote(product_id, safe='')}"


PAGES = [
    "/", "/c/outdoor", "/c/outdoor/tents", "/c/kids/outdoor?sort=newest", "/c/script-alert-1-script",
    "/p/p00003", "/p/gone", "/p/red-1", _product_page("a/b c?<é>"), "/search", "/search?q=tent",
    f"/search?q={quote(NASTY)}", "/cart", "/thanks",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_and_holds_nothing_that_runs(app: FastAPI, path: str) -> None:
    """Pages are well-formed HTML with one first heading, without inline scripts or styles, and guarded by headers."""
    [answer] = _get(app, path)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = _read(answer.text)
    assert page.inline == []
    assert len(set(page.ids)) == len(page.ids)
    assert page.headings.count(1) == 1
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/p/none", "/p/hidden", "/p/soon", "/c/none", "/c/outdoor?page=99", "/c/outdoor?page=x", "/c/outdoor?sort=x",
     "/search?q=tent&page=0"],
)  # fmt: skip
def test_what_is_not_there_is_said_in_a_page(app: FastAPI, path: str) -> None:
    """Unknown, hidden and coming products, unknown categories and pages beyond the last are 404, as HTML."""
    [answer] = _get(app, path)
    assert answer.status_code == 404
    assert "That is not here." in "".join(_read(answer.text).text)


def test_all_links_of_the_shop_lead_somewhere(app: FastAPI) -> None:
    """Whatever the shop's pages link to, pictures and scripts included, is there."""

    def links() -> Iterator[str]:
        pages = ("/p/red-1", "/c/kids", _product_page("a/b c?<é>"))
        for path, answer in zip(pages, _get(app, *pages), strict=True):
            for link in _read(answer.text).links:
                yield urljoin(f"http://shop{path}", link)

    asked = sorted({link for link in links() if urlsplit(link).path != "/console"})
    assert len(asked) > 50
    assert dict.fromkeys(asked, 200) == dict(
        zip(asked, [answer.status_code for answer in _get(app, *asked)], strict=True)
    )


def test_what_a_shop_wrote_is_text_everywhere(app: FastAPI) -> None:
    """A title full of markup reads the same on pages, in search, in the cart's data, and is in no picture."""
    path = _product_page("a/b c?<é>")
    page, found, lines, picture = _get(
        app, path, f"/search?q={quote(NASTY)}", f"/cart/lines?id={quote('a/b c?<é>')}", f"/img/{path[3:]}.svg"
    )
    assert NASTY in "".join(_read(page.text).text)
    assert f"Results for “{NASTY}”" in "".join(_read(found.text).text)
    assert lines.json()[0]["title"] == NASTY
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert "alert" not in picture.text


def test_prices_and_stock_are_those_of_now(app: FastAPI, catalogue: Catalogue) -> None:
    """A change of the catalogue is on the very next page."""
    product = _product("live", title="Teapot", stock=9)
    catalogue.put(product)
    before = _get(app, "/p/live")[0].text
    catalogue.put(product.model_copy(update={"stock": 0, "sale_price": 4.0}))
    after = _get(app, "/p/live")[0].text
    catalogue.remove("live")
    assert ("In stock" in before, "Sold out" in before, "€4.00" in before) == (True, False, False)
    assert ("In stock" in after, "Sold out" in after, "€4.00" in after) == (False, True, True)
    assert _get(app, "/p/live")[0].status_code == 404


def test_a_product_in_several_colours_offers_them(app: FastAPI) -> None:
    """The variants of a group are choices on its page, and one of them stands in lists."""
    page, found = _get(app, "/p/red-1", "/search?q=kettle")
    assert {"/p/red-1", "/p/red-2"} <= set(_read(page.text).links)
    assert found.text.count('class="card-link"') == 1


def test_categories_are_paged_without_loss(app: FastAPI, catalogue: Catalogue) -> None:
    """Going through the pages of a category meets each of its products once."""
    first, second, third = _get(app, "/c/outdoor", "/c/outdoor?page=2", "/c/outdoor?page=3")
    met = [
        link
        for answer in (first, second, third)
        if answer.status_code == 200
        for link in _read(answer.text).links
        if link.startswith("/p/")
    ]
    there = {one.item for one in SHOP if one.category[0] == "Outdoor" and catalogue.representative(one.item, NOW)}
    assert len(met) == len(set(met)) == len(there)


def test_files_are_kept_for_ever_and_found_by_what_they_are(app: FastAPI) -> None:
    """Scripts and styles have an address that changes with them; another version's is 404."""
    [home] = _get(app, "/")
    style = next(link for link in _read(home.text).links if link.endswith("base.css"))
    file, other = _get(app, style, "/shop/000000000000/base.css")
    assert "immutable" in file.headers["cache-control"]
    assert other.status_code == 404


def test_the_shop_says_that_it_is_none(app: FastAPI) -> None:
    """Every page says that shop and shoppers are made up, and where operators look on."""
    page = _get(app, "/")[0].text
    assert "is a demonstration" in page
    assert 'href="/console"' in page


def test_a_cart_longer_than_any_is_refused(app: FastAPI) -> None:
    """Nobody can ask for the whole catalogue as a cart; what is unknown is left out."""
    many, unknown = _get(app, "/cart/lines?" + "&".join(["id=p00003"] * 101), "/cart/lines?id=p00003&id=none")
    assert many.status_code == 422
    assert [card["line"]["item_id"] for card in unknown.json()] == ["p00003"]
