"""A generated shop: seeded, believable, and entirely made up. What shoppers like is not in it; see `taste.py`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from schemas.products import Market, Product
from streams.demo.families import FAMILIES, RESTRICTED_DEPARTMENTS, Family
from streams.demo.words import ADJECTIVES, BRANDS, COLOURS, LINES, MATERIALS, NOTES, PRAISE

OPENED = datetime(2026, 1, 1, tzinfo=UTC)
"""The shop's last stock-taking, where the caller names none; a fixed time keeps the same seed's shop the same."""

MIN_PRODUCTS = len(FAMILIES)
GROUP_SHARE = 0.12
"""Share of products that come in two or three colours, one record each."""

HIDDEN_SHARE, SOLD_OUT_SHARE, NEW_SHARE, SALE_SHARE = 0.01, 0.02, 0.02, 0.1


def generate_shop(seed: int, n: int = 3000, *, at: datetime = OPENED) -> list[Product]:
    """Make a shop's catalogue; the same arguments always give the same one.

    Args:
        seed: of everything random.
        n: how many records, variants counted; at least one per family.
        at: when the shop is looked at; new products came at most three days before.

    Returns:
        n products with ids `p00000` upwards, families taking turns.
    """
    if n < MIN_PRODUCTS:
        raise ValueError(f"a shop has at least {MIN_PRODUCTS} products")
    random = Random(f"shop-{seed}")
    products: list[Product] = []
    titles: set[str] = set()
    for family in _turns(random):
        products.extend(_variants(family, random, len(products), titles, at))
        if len(products) >= n:
            return products[:n]
    raise AssertionError("families take turns for ever")


def is_new(product: Product) -> bool:
    """Say whether a product came only days ago: nobody has looked at it yet."""
    return product.available_from is not None


def _turns(random: Random) -> Iterator[Family]:
    yield from FAMILIES
    while True:
        yield random.choice(FAMILIES)


def _variants(family: Family, random: Random, first: int, titles: set[str], at: datetime) -> list[Product]:
    """Make one product, or one in several colours that share a group."""
    colours = random.sample(COLOURS, random.choice((2, 3)) if random.random() < GROUP_SHARE / 2 else 1)
    base = _base(family, random, titles, at)
    if len(colours) == 1:
        return [_finished(base, family, random, first, colours[0])]
    return [
        _finished(base, family, random, first + i, colour, group=f"g{first:05d}") for i, colour in enumerate(colours)
    ]


def _base(family: Family, random: Random, titles: set[str], at: datetime) -> Product:
    title, brand, material = _title(family, random, titles)
    price = round(family.low * (family.high / family.low) ** random.betavariate(2, 3), 1) - 0.05
    age = timedelta(hours=random.uniform(1, 72)) if random.random() < NEW_SHARE else None
    audience = {"audience": family.audience} if family.audience else {}
    size = {"size": random.choice(family.sizes)} if family.sizes else {}
    return Product(
        product_id="p",
        title=title,
        description=_description(family, random, title, material),
        category=family.path,
        brand=brand,
        price=round(price, 2),
        sale_price=round(price * random.choice((0.7, 0.8, 0.9)), 2) if random.random() < SALE_SHARE else None,
        currency="EUR",
        restricted=family.path[0] in RESTRICTED_DEPARTMENTS,
        attributes={"material": material, **audience, **size},
        available_from=None if age is None else at - age,
        updated_at=at - (age or timedelta(days=random.uniform(4, 400))),
    )


def _finished(
    base: Product, family: Family, random: Random, number: int, colour: str, *, group: str | None = None
) -> Product:
    """Give a product its id, colour and stock."""
    name = f"p{number:05d}"
    price = base.price or 0.0
    edible = family.theme in {"food", "care"}
    return base.model_copy(
        update={
            "product_id": name,
            "group_id": group,
            "title": base.title if group is None else f"{base.title}, {colour}",
            "stock": 0 if random.random() < SOLD_OUT_SHARE else random.randint(3, 200),
            "hidden": random.random() < HIDDEN_SHARE,
            "markets": {"GB": Market(price=round(price * 0.87, 2), currency="GBP")},
            "url": f"/p/{name}",
            "image_url": f"/img/{name}.svg",
            "attributes": base.attributes if edible else {**base.attributes, "colour": colour},
        }
    )


def _title(family: Family, random: Random, titles: set[str]) -> tuple[str, str, str]:
    """Find a title nobody has yet."""
    brand = random.choice(BRANDS[family.theme])
    material = random.choice(MATERIALS[family.theme])
    kids = "Kids' " if family.audience == "kids" and family.path[0] == "Kids" else ""
    for attempt in range(1000):
        edition = "" if attempt < 20 else f" No. {attempt}"
        adjective, noun = random.choice(ADJECTIVES[family.theme]), random.choice(family.nouns)
        title = f"{brand} {random.choice(LINES)} {kids}{adjective} {noun}{edition}"
        if title not in titles:
            titles.add(title)
            return title, brand, material
    raise AssertionError("a thousand editions are enough for any shop")


def _description(family: Family, random: Random, title: str, material: str) -> str:
    made = f"in a {material}" if family.theme == "food" else f"with {material}"
    whom = f" for {family.audience}" if family.audience else ""
    praise = " ".join(random.sample(PRAISE[family.theme], 2))
    return f"{title}{whom}, {made}. {praise} {random.choice(NOTES)}"
