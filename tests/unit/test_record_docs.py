"""The examples in docs/records.md are records."""

import re
from pathlib import Path

import orjson
import pytest

from schemas import dead, erasures, events, generations, judgements, learning, products, rules, slates
from schemas.record import Record

DOC = Path(__file__).parents[2] / "docs" / "records.md"
KINDS = {
    kind.__name__: kind
    for module in (dead, erasures, events, generations, judgements, learning, products, rules, slates)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}
EXAMPLES = re.findall(r"```json (\w+)\n(.*?)```", DOC.read_text(), re.DOTALL)


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_each_example_is_the_record_it_says(name: str, text: str) -> None:
    """An example decodes, and encodes to the JSON that stands in the document."""
    record = KINDS[name].decode(text.encode())
    assert orjson.loads(record.encode()) == orjson.loads(text)


def test_every_kind_of_record_has_an_example() -> None:
    """No record is left undocumented."""
    assert {name for name, _ in EXAMPLES} == set(KINDS)
