"""Every product has a picture of its kind, in its colour, and always the same one."""

from xml.etree import ElementTree as ET

from schemas.products import Product
from streams.demo.families import FAMILIES
from streams.demo.shop import generate_shop
from streams.demo.storefront.kinds import ANYTHING, SHAPES, shape_of
from streams.demo.storefront.palette import NAMED
from streams.demo.storefront.pictures import FOLDER, picture_of, picture_of_nothing
from streams.demo.words import COLOURS

SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_follows_from_the_product() -> None:
    """The same product is drawn alike, another colour otherwise."""
    [product, *_] = generate_shop(7, len(FAMILIES))
    assert picture_of(product) == picture_of(product.model_copy(update={"price": 1.0}))
    red, blue = (product.model_copy(update={"attributes": {"colour": colour}}) for colour in ("rust", "navy"))
    assert NAMED["rust"] in picture_of(red)
    assert NAMED["navy"] in picture_of(blue)


def test_every_family_has_a_shape_of_its_own_kind() -> None:
    """No noun of the shop is drawn as a mere parcel, and its word in the title decides."""
    shapes = {noun: shape_of(f"Tarnby Alder Trail {noun}", ()) for family in FAMILIES for noun in family.nouns}
    assert [noun for noun, shape in shapes.items() if shape == ANYTHING] == []
    assert (shapes["Enamel Camp Mug"], shapes["Dog Bed"], shapes["Rain Shell"]) == ("mug", "pet_bed", "jacket")


def test_the_last_word_decides_and_then_the_category() -> None:
    """A mug with a fox is a mug; a product whose name says nothing is drawn as its category."""
    assert shape_of("Fox Mug", ("Toys",)) == "mug"
    assert shape_of("Number 5", ("Outdoor", "Tents")) == "tent"
    assert shape_of("Number 5", ()) == ANYTHING


def test_all_shapes_can_be_drawn_and_hold_nothing_that_runs() -> None:
    """Pictures are valid SVG made of shapes alone."""
    assert {path.stem for path in FOLDER.glob("*.svg")} == {*SHAPES, ANYTHING}
    for shape, words in SHAPES.items():
        drawn = picture_of(Product(product_id=shape, title=words.split(", ")[0]))
        tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn).iter()}
        assert tags <= {"svg", "g", "path", "circle", "ellipse", "rect"}
    assert "<path" in picture_of_nothing()


def test_every_colour_of_the_shop_is_known() -> None:
    """Titles name colours that pictures have."""
    assert set(COLOURS) <= NAMED.keys()
