"""A file of products: what the catalogue formats share."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic import ValidationError

from schemas.products import Product
from streams.sources.event_file import reason_of
from streams.sources.fields import category_path
from streams.sources.rows import LineRefusedError

Fields = Mapping[str, str]


def read_products(
    records: Iterable[Fields], refused: Counter[str], convert: Callable[[Fields], Product]
) -> Iterator[Product]:
    """Turn each record into a product; those that no product can hold are counted by the field at fault."""
    for record in records:
        try:
            yield convert(record)
        except LineRefusedError as error:
            refused[error.reason] += 1
        except ValidationError as error:
            refused[reason_of(error)] += 1


def split_category(text: str) -> tuple[str, ...]:
    """Split `Home > Kitchen > Mugs`, or with slashes where there is no `>`.

    >>> split_category("Home > Kitchen > Mugs")
    ('Home', 'Kitchen', 'Mugs')
    """
    return category_path(text, ">" if ">" in text else "/")
