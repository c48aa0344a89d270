"""A product as the shop's pages show it."""

from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from schemas.products import Product

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
FEW = 5
"""From this many in stock downwards the page says how many are left."""


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Line(_Shown):
    """A product as events and the cart know it, with GA4's names."""

    item_id: str
    item_name: str
    item_brand: str
    price: float | None
    currency: str


class Card(_Shown):
    """A product as a list shows it; `name` is the title without the brand, prices are as written, "" for none."""

    url: str
    image_url: str
    title: str
    name: str
    brand: str
    price: str
    was: str
    line: Line
    sold: bool = True


def card_of(product: Product, *, sold: bool = True) -> Card:
    """Say how a product is shown."""
    now = product.price if product.sale_price is None else product.sale_price
    was = product.price if product.sale_price is not None and product.sale_price < (product.price or 0) else None
    currency = product.currency or ""
    return Card(
        url=product_url(product.product_id),
        image_url=image_url(product.product_id),
        title=product.title,
        name=name_of(product.title, product.brand or ""),
        brand=product.brand or "",
        price=money(now, currency),
        was=money(was, currency),
        line=Line(
            item_id=product.product_id,
            item_name=product.title,
            item_brand=product.brand or "",
            price=now,
            currency=currency,
        ),
        sold=sold,
    )


def name_of(title: str, brand: str) -> str:
    """Leave the brand out of a title that begins with it.

    >>> name_of("Tarnby Haven Trail Shoes", "Tarnby"), name_of("Tarnby", "Tarnby")
    ('Haven Trail Shoes', 'Tarnby')
    """
    return (title.removeprefix(f"{brand} ") if brand else title) or title


def product_url(product_id: str) -> str:
    """Say where a product's page is, whatever its id is made of."""
    return f"/p/{quote(product_id, safe='')}"


def image_url(product_id: str) -> str:
    """Say where a product's picture is."""
    return f"/img/{quote(product_id, safe='')}.svg"


def money(amount: float | None, currency: str) -> str:
    """Write a price.

    >>> money(1249.5, "EUR"), money(3, "CHF"), money(None, "EUR")
    ('€1,249.50', 'CHF 3.00', '')
    """
    if amount is None:
        return ""
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{amount:,.2f}" if symbol else f"{currency} {amount:,.2f}".strip()


def stock_told(product: Product, *, sold: bool) -> str:
    """Say whether a product is there."""
    if not sold:
        return "Sold out"
    if product.stock is not None and product.stock <= FEW:
        return f"Only {product.stock} left"
    return "In stock"
