"""The words that the demo's shop is made of: invented brands, model names, colours, materials and phrases."""

from typing import Literal

Theme = Literal["outdoor", "kitchen", "home", "garden", "wear", "play", "desk", "tech", "sport", "pet", "care", "food"]

BRANDS: dict[Theme, tuple[str, ...]] = {
    "outdoor": ("Fjellmark", "Cairnholt", "Stormwick", "Larchfield", "Tarnby", "Ridgelow"),
    "kitchen": ("Copperlea", "Hearthwell", "Marrowby", "Panholm", "Sieve & Salt", "Oakspoon"),
    "home": ("Linnetfold", "Hollowmere", "Amberhythe", "Woolstead", "Quietrow", "Claybourne"),
    "garden": ("Mossgate", "Thistledown Yard", "Greenlatch", "Barrowsby", "Petalwright"),
    "wear": ("Nordbay", "Ellery Row", "Saltmarsh & Co", "Wrenfield", "Harrowgate Mill", "Tolvane", "Merle Lane"),
    "play": ("Tumblefox", "Brambly Box", "Pipkin Works", "Owlet & Elk", "Skipjack"),
    "desk": ("Inkhollow", "Paperwick", "Fieldnib", "Quillbrook"),
    "tech": ("Voltmere", "Ohmstead", "Lumecraft", "Signalby", "Bitlark"),
    "sport": ("Pacewell", "Striderow", "Kettlemoor", "Velofen", "Corelight"),
    "pet": ("Waggonby", "Pawsley", "Mewstone", "Tailfeather"),
    "care": ("Sorrel & Fern", "Clearwell", "Millrace", "Balmbrook"),
    "food": ("Goldcroft", "Applethwaite", "Saltpan Bay", "Barleymow Larder", "Honeywick"),
}

LINES = (
    "Alder", "Aspen", "Birch", "Bracken", "Brook", "Cedar", "Clover", "Cove", "Dale", "Dune", "Echo", "Ember", "Fable",
    "Fern", "Flint", "Glen", "Grove", "Harbour", "Haven", "Hazel", "Heath", "Iris", "Juniper", "Kestrel", "Lagoon",
    "Lark", "Linden", "Lumen", "Maple", "Meadow", "Mesa", "Nimbus", "North", "Oak", "Orchard", "Osprey", "Pebble",
    "Pine", "Prairie", "Quarry", "Reed", "Ripple", "Rowan", "Sage", "Scout", "Shale", "Sierra", "Sorrel", "Spruce",
    "Summit", "Swift", "Tide", "Timber", "Umber", "Vale", "Wander", "Willow", "Wren", "Yarrow", "Zephyr",
)  # fmt: skip

COLOURS = (
    "black", "navy", "forest green", "sand", "rust", "cream", "slate", "mustard", "terracotta", "sky blue", "burgundy",
    "olive", "charcoal", "blush", "white", "teal",
)  # fmt: skip

ADJECTIVES: dict[Theme, tuple[str, ...]] = {
    "outdoor": ("Lightweight", "Four-season", "Waterproof", "Packable", "Insulated", "Trail"),
    "kitchen": ("Everyday", "Non-stick", "Heavy-duty", "Stackable", "Hand-finished", "Compact"),
    "home": ("Soft", "Textured", "Hand-woven", "Minimal", "Classic", "Ribbed"),
    "garden": ("Weatherproof", "Sturdy", "Heritage", "Self-watering", "Rust-proof", "Balcony"),
    "wear": ("Relaxed", "Slim", "Classic", "Oversized", "Washed", "Tailored"),
    "play": ("Wooden", "Giant", "First", "Magnetic", "Travel", "Cooperative"),
    "desk": ("Dotted", "Refillable", "Pocket", "Ruled", "Linen-bound", "Weekly"),
    "tech": ("Wireless", "Compact", "Fast", "Quiet", "Travel", "Studio"),
    "sport": ("Grippy", "Adjustable", "Training", "Reflective", "Quick-dry", "Studio"),
    "pet": ("Washable", "Padded", "Tough", "Orthopaedic", "Slow-feed", "Cosy"),
    "care": ("Fragrance-free", "Nourishing", "Gentle", "Daily", "Overnight", "Calming"),
    "food": ("Organic", "Small-batch", "Stone-ground", "Single-origin", "Smoked", "Raw"),
}

MATERIALS: dict[Theme, tuple[str, ...]] = {
    "outdoor": ("ripstop nylon", "recycled polyester", "waxed canvas", "merino blend"),
    "kitchen": ("carbon steel", "stainless steel", "enamel", "beech wood", "copper"),
    "home": ("cotton", "linen", "wool", "glass", "ceramic", "oak"),
    "garden": ("terracotta", "zinc", "ash wood", "recycled plastic"),
    "wear": ("organic cotton", "lambswool", "linen", "denim", "leather", "corduroy"),
    "play": ("beech wood", "felt", "recycled card", "cotton"),
    "desk": ("recycled paper", "brass", "cork", "walnut"),
    "tech": ("aluminium", "recycled plastic", "woven fabric"),
    "sport": ("natural rubber", "cork", "steel", "recycled polyester"),
    "pet": ("canvas", "fleece", "stainless steel", "rope"),
    "care": ("oat", "shea", "calendula", "sea salt"),
    "food": ("glass jar", "paper bag", "tin"),
}

PRAISE: dict[Theme, tuple[str, ...]] = {
    "outdoor": (
        "Made for long days and short forecasts.",
        "Packs down small and dries overnight.",
        "Taped seams and a hood that stays where you put it.",
        "Tested on a week of wet hills.",
    ),
    "kitchen": (
        "Heats evenly and cleans up in a minute.",
        "Goes from hob to table without an apology.",
        "Feels balanced in the hand.",
        "The one you will reach for on weekdays.",
    ),
    "home": (
        "Brings a calm corner to a busy room.",
        "Each piece differs a little, as hand work does.",
        "Looks better with every wash.",
        "Goes with what you already own.",
    ),
    "garden": (
        "Stays out all winter.",
        "Just right for a balcony or a doorstep.",
        "Made to be passed on.",
        "Bees approve.",
    ),
    "wear": (
        "Cut for moving, not for posing.",
        "Gets softer with every wear.",
        "A quiet piece that finishes an outfit.",
        "Runs true to size.",
    ),
    "play": (
        "Keeps small hands busy on rainy afternoons.",
        "No batteries, no noise, no instructions needed.",
        "Pieces are large enough to find again under the sofa.",
        "Grows with the child.",
    ),
    "desk": (
        "Paper that takes ink without bleeding.",
        "Opens flat and stays open.",
        "Makes Mondays a little neater.",
        "Fits a coat pocket.",
    ),
    "tech": (
        "Pairs in seconds and stays paired.",
        "A full day on one charge.",
        "Small enough to forget in your bag.",
        "Turns the room down, not the music.",
    ),
    "sport": (
        "Holds its place when you do not.",
        "Wipes clean and rolls away.",
        "Seen from two hundred metres.",
        "For the first lap and the last.",
    ),
    "pet": (
        "Survives the keenest chewers.",
        "Cover comes off for the wash.",
        "No more bowls chasing round the floor.",
        "The cat will pretend not to care.",
    ),
    "care": (
        "Sinks in quickly and leaves no shine.",
        "Kind to skin that complains.",
        "A little goes a long way.",
        "Smells of almost nothing, on purpose.",
    ),
    "food": (
        "From one farm and one harvest.",
        "Keeps its taste to the last bite or sip.",
        "Opened once, finished soon.",
        "Packed the week it was made.",
    ),
}

NOTES = (
    "Delivered in plain recycled packaging.",
    "Two-year guarantee.",
    "Spare parts available.",
    "Designed to be repaired.",
    "Made in small runs.",
    "Returns are free for thirty days.",
)

CAMPAIGNS = (
    "spring-refresh", "first-frost", "slow-sunday", "city-escape", "new-home", "rainy-days", "gift-guide", "long-table",
    "back-to-it", "night-in", "open-window", "small-joys",
)  # fmt: skip
