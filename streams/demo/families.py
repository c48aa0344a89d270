"""The product families of the demo's shop: where each stands in the category tree and what it is made of."""

from typing import NamedTuple

from streams.demo.words import Theme


class Family(NamedTuple):
    """Products of one kind.

    Args:
        path: category path, department first, leaf last.
        theme: which words describe it.
        nouns: what the products are called.
        low: cheapest price in EUR.
        high: dearest price in EUR.
        audience: for whom, where that matters.
        sizes: sizes offered, as an attribute.
    """

    path: tuple[str, ...]
    theme: Theme
    nouns: tuple[str, ...]
    low: float
    high: float
    audience: str = ""
    sizes: tuple[str, ...] = ()


_ADULT = ("XS", "S", "M", "L", "XL")
_CHILD = ("98", "104", "116", "128", "140")
_SHOE = ("36", "38", "40", "42", "44")
_LITTLE_SHOE = ("26", "28", "30", "32", "34")


def _for_both(leaf: str, nouns: tuple[str, ...], low: float, high: float, *, shoes: bool = False) -> list[Family]:
    """Outdoor gear exists for adults and, smaller and cheaper, for kids: one family, two places in the tree."""
    grown, little = (_SHOE, _LITTLE_SHOE) if shoes else (_ADULT, _CHILD)
    return [
        Family(("Outdoor", leaf), "outdoor", nouns, low, high, "adults", grown),
        Family(("Kids", "Outdoor", leaf), "outdoor", nouns, low * 0.5, high * 0.5, "kids", little),
    ]


def _worn(leaf: str, nouns: tuple[str, ...], low: float, high: float) -> list[Family]:
    """Clothes hang in three departments."""
    return [
        Family(("Women", leaf), "wear", nouns, low, high, "women", _ADULT),
        Family(("Men", leaf), "wear", nouns, low, high, "men", _ADULT),
        Family(("Kids", "Clothing", leaf), "wear", nouns, low * 0.5, high * 0.5, "kids", _CHILD),
    ]


FAMILIES: tuple[Family, ...] = (
    *_for_both("Rain jackets", ("Rain Jacket", "Rain Shell", "Anorak"), 45, 220),
    *_for_both("Hiking boots", ("Hiking Boots", "Trail Shoes", "Walking Boots"), 60, 240, shoes=True),
    *_for_both("Backpacks", ("Backpack", "Daypack", "Rucksack"), 30, 180),
    *_for_both("Sleeping bags", ("Sleeping Bag", "Down Sleeping Bag", "Sleeping Quilt"), 50, 320),
    *_for_both("Fleeces", ("Fleece", "Fleece Jacket", "Half-zip Fleece"), 30, 120),
    Family(("Outdoor", "Tents"), "outdoor", ("Tent", "Tunnel Tent", "Dome Tent", "Tarp"), 80, 600),
    Family(("Outdoor", "Camp kitchen"), "outdoor", ("Camp Stove", "Camping Pot", "Enamel Camp Mug"), 10, 120),
    *_worn("Knitwear", ("Jumper", "Cardigan", "Roll-neck"), 40, 160),
    *_worn("Coats", ("Coat", "Parka", "Duffle Coat"), 90, 340),
    *_worn("Shirts", ("Shirt", "Overshirt", "Flannel Shirt"), 30, 110),
    *_worn("Trousers", ("Trousers", "Chinos", "Jeans"), 35, 130),
    Family(("Women", "Dresses"), "wear", ("Midi Dress", "Wrap Dress", "Shirt Dress"), 50, 190, "women", _ADULT),
    Family(("Shoes", "Trainers"), "wear", ("Trainers", "Canvas Shoes"), 50, 160, "", _SHOE),
    Family(("Shoes", "Boots"), "wear", ("Chelsea Boots", "Ankle Boots"), 80, 240, "", _SHOE),
    Family(("Accessories", "Bags"), "wear", ("Tote Bag", "Shoulder Bag", "Weekend Bag"), 25, 220),
    Family(("Accessories", "Scarves and hats"), "wear", ("Scarf", "Beanie", "Wide-brim Hat"), 15, 80),
    Family(("Accessories", "Small leather"), "wear", ("Wallet", "Belt", "Card Holder"), 20, 90),
    Family(("Kitchen", "Cookware"), "kitchen", ("Frying Pan", "Casserole", "Saucepan"), 25, 220),
    Family(("Kitchen", "Knives"), "kitchen", ("Chef's Knife", "Paring Knife", "Bread Knife"), 15, 160),
    Family(("Kitchen", "Bakeware"), "kitchen", ("Cake Tin", "Baking Dish", "Mixing Bowl"), 10, 60),
    Family(("Kitchen", "Tableware"), "kitchen", ("Dinner Plate Set", "Serving Bowl", "Carafe"), 12, 120),
    Family(("Coffee and tea", "Brewing"), "kitchen", ("Pour-over Dripper", "Coffee Grinder", "French Press"), 20, 180),
    Family(("Coffee and tea", "Mugs"), "kitchen", ("Mug", "Espresso Cup Set", "Travel Mug"), 8, 45),
    Family(("Coffee and tea", "Beans and leaves"), "food", ("Coffee Beans", "Green Tea", "Breakfast Tea"), 6, 30),
    Family(("Home", "Lighting"), "home", ("Table Lamp", "Floor Lamp", "Pendant Light"), 30, 280),
    Family(("Home", "Cushions and throws"), "home", ("Cushion", "Throw", "Floor Cushion"), 18, 120),
    Family(("Home", "Vases and candles"), "home", ("Vase", "Candle Holder", "Scented Candle"), 10, 80),
    Family(("Home", "Rugs"), "home", ("Rug", "Runner", "Doormat"), 20, 380),
    Family(("Bedroom", "Bed linen"), "home", ("Duvet Cover", "Pillowcase Pair", "Fitted Sheet"), 20, 160),
    Family(("Bedroom", "Duvets and pillows"), "home", ("Duvet", "Pillow", "Mattress Topper"), 25, 240),
    Family(("Bathroom", "Towels"), "home", ("Bath Towel", "Hand Towel Pair", "Bath Mat"), 12, 70),
    Family(("Garden", "Pots and planters"), "garden", ("Planter", "Plant Pot", "Window Box"), 10, 120),
    Family(("Garden", "Tools"), "garden", ("Hand Trowel", "Secateurs", "Watering Can"), 10, 80),
    Family(("Garden", "Wildlife"), "garden", ("Bird Feeder", "Bee House", "Bird Bath"), 12, 90),
    Family(("Toys", "Building"), "play", ("Building Blocks", "Marble Run", "Train Set"), 15, 120, "kids"),
    Family(("Toys", "Puzzles and games"), "play", ("Puzzle", "Board Game", "Card Game"), 8, 60),
    Family(("Toys", "Soft toys"), "play", ("Soft Fox", "Soft Bear", "Hand Puppet"), 10, 45, "kids"),
    Family(("Stationery", "Notebooks"), "desk", ("Notebook", "Sketchbook", "Planner"), 6, 40),
    Family(("Stationery", "Writing"), "desk", ("Fountain Pen", "Pencil Set", "Ink Bottle"), 5, 120),
    Family(("Stationery", "Desk"), "desk", ("Desk Tray", "Pen Pot", "Desk Mat"), 10, 80),
    Family(("Electronics", "Audio"), "tech", ("Headphones", "Speaker", "Earbuds"), 30, 380),
    Family(("Electronics", "Power"), "tech", ("Power Bank", "Charging Stand", "Charging Cable"), 10, 90),
    Family(("Electronics", "Desk tech"), "tech", ("Keyboard", "Mouse", "Webcam"), 25, 180),
    Family(("Sports", "Yoga"), "sport", ("Yoga Mat", "Yoga Block", "Yoga Bolster"), 12, 110),
    Family(("Sports", "Running"), "sport", ("Running Top", "Running Vest", "Running Belt"), 15, 110, "", _ADULT),
    Family(("Sports", "Strength"), "sport", ("Dumbbell Pair", "Kettlebell", "Resistance Bands"), 10, 160),
    Family(("Sports", "Cycling"), "sport", ("Bike Light", "Handlebar Bag", "Cycling Gloves"), 15, 120),
    Family(("Pets", "Dogs"), "pet", ("Dog Bed", "Dog Lead", "Dog Bowl"), 10, 140),
    Family(("Pets", "Cats"), "pet", ("Cat Bed", "Cat Scratcher", "Cat Toy"), 6, 90),
    Family(("Beauty", "Skin"), "care", ("Face Cream", "Hand Cream", "Body Lotion"), 8, 60),
    Family(("Beauty", "Bath"), "care", ("Soap Bar", "Bath Salts", "Shower Oil"), 5, 35),
    Family(("Pharmacy", "Remedies"), "care", ("Cough Syrup", "Pain Relief Gel", "Sleep Tablets"), 5, 25),
    Family(("Larder", "Sweet"), "food", ("Honey", "Chocolate Bar", "Fig Jam"), 3, 25),
    Family(("Larder", "Savoury"), "food", ("Olive Oil", "Pasta", "Pickled Onions"), 3, 40),
)

RESTRICTED_DEPARTMENTS = frozenset({"Pharmacy"})
