"""The question put to the language model."""

import json
from hashlib import blake2b

import pytest

from models.prompt import INSTRUCTION, MAX_PRODUCTS, MAX_PROMPT_CHARS, SCHEMA, VERSION, Asked, prompt_for
from models.wording import Worded, word
from schemas.products import Product

DIGESTS = {"judge-1": "6f573222ccd7fb7a"}
"""A judgement is read only where its version is ours: what is asked otherwise needs a version of its own."""

SHELF = [
    {"title": "Kids' rain jacket", "category": ("Kids", "Outdoor", "Rain jackets"), "price": 45, "brand": "Fjellmark"},
    {"title": "Tunnel tent", "category": ("Outdoor", "Tents"), "description": "For two.", "attributes": {"size": "2"}},
    {"title": "Mug"},
]


def worded(**fields: object) -> Worded:
    """Put a product into words."""
    words = word(Product.model_validate({"product_id": "sku-secret-7", "title": "Mug", **fields}))
    assert words is not None
    return words


def data_of(asked: Asked) -> dict[str, object]:
    """Read the data back: the last of two lines."""
    first, line = asked.prompt.user.split("\n")
    assert first.endswith("The next line is data.")
    data = json.loads(line)
    assert isinstance(data, dict)
    return data


def test_whoever_changes_the_question_changes_its_version() -> None:
    """Instruction, schema, format and room for the answer are what was known under this version."""
    prompt = prompt_for(
        "loyal.mid.outdoor", "outdoor/kids.low.comparing", [worded(**each) for each in SHELF], seed="1"
    ).prompt
    text = json.dumps([prompt.system, prompt.user, prompt.name, prompt.schema, prompt.max_tokens], sort_keys=True)
    assert {VERSION: blake2b(text.encode(), digest_size=8).hexdigest()} == DIGESTS


def test_the_question_as_a_model_reads_it() -> None:
    """Compact JSON, what is not known left out, products by number."""
    asked = prompt_for("loyal.mid.outdoor", "outdoor/kids.low.comparing", [worded(**SHELF[0])], seed="1")
    assert asked.prompt.system == INSTRUCTION
    assert asked.prompt.user == (
        "Products to judge: 1. The next line is data.\n"
        '{"visitor":{"segment":"loyal.mid.outdoor","visits":"loyal","price":"mid","department":"outdoor"},'
        '"intent":{"key":"outdoor/kids.low.comparing","department":"outdoor","for":"kids","price":"low","stage":"comparing"},'
        '"products":[{"n":1,"title":"Kids\' rain jacket","category":"Kids > Outdoor > Rain jackets","for":"kids",'
        '"price":"20-50","brand":"Fjellmark"}]}'
    )
    assert "sku-secret" not in asked.prompt.user


@pytest.mark.parametrize(
    ("segment", "intent", "visitor", "visit"),
    [
        ("any", "any.landing", {}, {"stage": "landing"}),
        ("new.any.any", "outdoor/kids", {"visits": "new"}, {"department": "outdoor", "for": "kids"}),
        (
            "returning.low.",
            "toys.buying",
            {"visits": "returning", "price": "low"},
            {"department": "toys", "stage": "buying"},
        ),
        ("", "", {}, {}),
        ("vip.gold", "any.any.any.any", {}, {}),
        ("loyal", "any.mid.soon", {"visits": "loyal"}, {"price": "mid"}),
        ("loyal.mid.de", "/men", {"visits": "loyal", "price": "mid", "department": "de"}, {"for": "men"}),
    ],
)
def test_keys_are_spelled_out_as_far_as_they_are_known(
    segment: str, intent: str, visitor: dict[str, str], visit: dict[str, str]
) -> None:
    """The key itself is always told."""
    data = data_of(prompt_for(segment, intent, [worded()], seed="1"))
    assert data["visitor"] == {"segment": segment, **visitor}
    assert data["intent"] == {"key": intent, **visit}


def test_the_order_follows_the_seed_alone() -> None:
    """The same again with the same seed, another with another, and every product once."""
    products = [worded(title=f"Mug {n}") for n in range(30)]
    asked = prompt_for("any", "any", products, seed="a")
    assert asked == prompt_for("any", "any", products, seed="a")
    assert asked.order != prompt_for("any", "any", products, seed="b").order
    assert sorted(asked.order) == list(range(30)) != list(asked.order)


@pytest.mark.parametrize("count", [0, MAX_PRODUCTS + 1])
def test_a_question_is_about_one_to_thirty_products(count: int) -> None:
    """Anything else is the caller's mistake."""
    with pytest.raises(ValueError, match=f"1 to 30 products, not {count}"):
        prompt_for("any", "any", [worded()] * count, seed="1")


def test_the_longest_question_is_bounded() -> None:
    """Thirty products whose every character has to be escaped, under keys of any length."""
    quotes = {
        "title": '"' * 512,
        "description": "\\" * 8192,
        "brand": '"' * 128,
        "category": ['"' * 128] * 12,
        "price": 1e9,
    }
    prompt = prompt_for(
        "\\" * 9999, '"' * 9999, [worded(**quotes, attributes={"audience": "women"})] * 30, seed="1"
    ).prompt
    assert MAX_PROMPT_CHARS * 0.7 < len(prompt.system) + len(prompt.user) < MAX_PROMPT_CHARS


def test_there_is_room_for_every_score() -> None:
    """An answer written with line breaks and indentation takes half of what is allowed (three characters a token)."""
    prompt = prompt_for("any", "any", [worded()] * 30, seed="1").prompt
    answer = json.dumps({"scores": [{"n": n, "score": 10} for n in range(1, 31)]})
    assert len(answer) / 3 * 2 < prompt.max_tokens < 2000


def test_the_schema_is_strict() -> None:
    """Every object is closed and all its fields are required, as structured output asks."""
    row = SCHEMA["properties"]["scores"]["items"]
    for shape in (SCHEMA, row):
        assert shape["additionalProperties"] is False
        assert shape["required"] == list(shape["properties"])
