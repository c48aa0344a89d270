"""Which shape a product is drawn as: the last word of its title that names one decides."""

from collections.abc import Iterator, Mapping, Sequence

from models.words import words_of

ANYTHING = "parcel"

SHAPES: Mapping[str, str] = {
    "backpack": "backpack, daypack, rucksack",
    "bag": "bag, tote",
    "bar": "soap, soap bar, chocolate, chocolate bar",
    "birdhouse": "bird feeder, feeder, bee house, birdhouse, wildlife",
    "blocks": "block, marble run, building, yoga block",
    "boot": "boot",
    "bottle": "bottle, oil, syrup, lotion, shampoo, skin, beauty, pharmacy",
    "bowl": "bowl, bath, bird bath, baking, bakeware",
    "candle": "candle",
    "carafe": "carafe, jug",
    "coil": "belt, lead, cable, band",
    "cushion": "cushion, bolster",
    "dish": "dish, tin, cake tin",
    "dress": "dress",
    "dripper": "dripper, grinder, press, brewing, coffee maker",
    "dumbbell": "dumbbell, strength",
    "folded": "throw, towel, sheet, cover, duvet, linen, topper, mattress, blanket",
    "game": "game, card game",
    "gloves": "glove, mitten",
    "hat": "hat, beanie, cap",
    "headphones": "headphone, earbud, audio",
    "jacket": "jacket, shell, anorak, parka, coat",
    "jar": "jar, cream, honey, jam, onion, gel",
    "jumper": "jumper, cardigan, roll, neck, fleece, top, vest, knitwear, sweater",
    "kettlebell": "kettlebell",
    "keyboard": "keyboard",
    "knife": "knife, kniv",
    "lamp": "lamp, lighting",
    "light": "bike light, torch",
    "mat": "yoga mat",
    "mouse": "mouse",
    "mug": "mug, cup",
    "notebook": "notebook, sketchbook, planner, book",
    "packet": "coffee bean, bean, tea, pasta, salt, tablet, larder",
    "pan": "pan",
    "pen": "pen, pencil, pencil set",
    "pen_pot": "pen pot, ink",
    "pendant": "pendant, pendant light",
    "pet_bed": "dog bed, cat bed, dog, cat, pet",
    "pillow": "pillow, pillowcase",
    "plant_pot": "planter, plant pot, window box, plant, garden",
    "plate": "plate, plate set, tableware",
    "pot": "pot, casserole, saucepan, cookware, kitchen",
    "power_bank": "power bank, stand, charging stand, power, phone",
    "puzzle": "puzzle, toy",
    "rug": "rug, runner, doormat, mat",
    "scarf": "scarf",
    "scratcher": "scratcher, cat toy",
    "shirt": "shirt, overshirt, clothing",
    "shoe": "shoe, trainer",
    "sleeping_bag": "sleeping bag, sleeping quilt, quilt",
    "soft_toy": "fox, bear, puppet",
    "speaker": "speaker",
    "stove": "stove",
    "tent": "tent, tarp, outdoor",
    "train": "train, train set",
    "travel_mug": "travel mug, shaker",
    "tray": "tray, desk",
    "trousers": "trouser, chino, jean",
    "trowel": "trowel, secateur, tool",
    "vase": "vase, home",
    "wallet": "wallet, holder, card holder, leather",
    "watering_can": "watering can",
    "webcam": "webcam, camera",
}
"""Shapes and the words for them, one or two, as `words_of` splits them."""

_SHAPE_OF = {words: shape for shape, listed in SHAPES.items() for words in listed.split(", ")}


def shape_of(title: str, category: Sequence[str]) -> str:
    """Name the shape; where the title has no word for one, the category's nearest level that has.

    >>> shape_of("Waggonby Reed Washable Dog Bed, navy", ("Pets", "Dogs"))
    'pet_bed'
    >>> shape_of("Grey No. 5", ("Home", "Vases and candles"))
    'candle'
    """
    for text in (title, *reversed(category)):
        for words in _from_the_end(text):
            if words in _SHAPE_OF:
                return _SHAPE_OF[words]
    return ANYTHING


def _from_the_end(text: str) -> Iterator[str]:
    words = words_of(text)
    for last in range(len(words) - 1, -1, -1):
        if last:
            yield f"{words[last - 1]} {words[last]}"
        yield words[last]
