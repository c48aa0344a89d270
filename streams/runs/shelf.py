"""The catalogue a run starts with."""

from collections.abc import Iterator

from schemas.products import Product
from streams.sources.event_file import EventFile


def products_of(file: EventFile) -> Iterator[Product]:
    """Give a file's products without when they were last seen.

    All are known before the first event; a product's last appearance would tell the run what is clicked next.
    """
    for product in file.products():
        yield product.model_copy(update={"updated_at": None})
