"""The shop's addresses."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from streams.demo.storefront.assets import Assets
from streams.demo.storefront.assortment import SORTS, Assortment
from streams.demo.storefront.card import Card
from streams.demo.storefront.pages import Pages
from streams.demo.storefront.pictures import picture_of, picture_of_nothing

PAGE_HEADERS = {"Cache-Control": "no-cache"}
PICTURE_HEADERS = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "public, max-age=3600"}
ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}

MAX_WORDS, MAX_LINES = 200, 100
READ = ["GET", "HEAD"]


def build_storefront(assortment: Assortment, *, console_url: str | None = None) -> APIRouter:
    """Build the shop's routes.

    Args:
        assortment: what it has.
        console_url: where operators look on; None where there is no console.
    """
    assets = Assets()
    pages = Pages(assortment, assets, console_url)
    router = APIRouter(include_in_schema=False)
    _add_pages(router, pages, assortment)
    _add_files(router, assets, assortment)

    @router.get("/cart/lines")
    async def lines(
        response: Response, ids: Annotated[list[str], Query(alias="id", max_length=MAX_LINES)]
    ) -> list[Card]:
        response.headers["Cache-Control"] = "no-store"
        return pages.lines(ids)

    return router


def _add_pages(router: APIRouter, pages: Pages, assortment: Assortment) -> None:
    @router.api_route("/", methods=READ)
    async def home() -> Response:
        return _html(pages, pages.home())

    @router.api_route("/c/{path:path}", methods=READ)
    async def category(path: str, request: Request) -> Response:
        found = assortment.category(tuple(path.split("/")))
        sort = request.query_params.get("sort", "featured")
        known = next((one for one in SORTS if one == sort), None)
        if found is None or known is None:
            return _html(pages, None)
        return _html(pages, pages.category(found, number=_number(request), sort=known))

    @router.api_route("/p/{product_id:path}", methods=READ)
    async def product(product_id: str) -> Response:
        found = assortment.product(product_id)
        return _html(pages, pages.product(found) if found else None)

    @router.api_route("/search", methods=READ)
    async def search(request: Request) -> Response:
        words = request.query_params.get("q", "").strip()[:MAX_WORDS]
        return _html(pages, pages.search(words, number=_number(request)))

    @router.api_route("/cart", methods=READ)
    async def cart() -> Response:
        return _html(pages, pages.cart())

    @router.api_route("/thanks", methods=READ)
    async def thanks() -> Response:
        return _html(pages, pages.thanks())


def _add_files(router: APIRouter, assets: Assets, assortment: Assortment) -> None:
    @router.api_route("/img/{product_id:path}.svg", methods=READ)
    async def picture(product_id: str) -> Response:
        product = assortment.picture(product_id)
        drawn = picture_of(product) if product else picture_of_nothing()
        return Response(drawn, 200 if product else 404, headers=PICTURE_HEADERS, media_type="image/svg+xml")

    @router.api_route("/shop/{version}/{name}", methods=READ)
    async def asset(version: str, name: str) -> Response:
        file = assets.get(version, name)
        if file is None:
            return Response(status_code=404)
        return Response(file.content, headers=ASSET_HEADERS, media_type=file.media_type)


def _html(pages: Pages, page: str | None) -> Response:
    """Answer with a page, or with the one of what is not there."""
    return HTMLResponse(page or pages.missing(), 200 if page else 404, headers=PAGE_HEADERS)


def _number(request: Request) -> int:
    """Read which page of a list is wanted; 0, which no list has, for what is no number."""
    written = request.query_params.get("page", "1")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 6 else 0
