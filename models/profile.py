"""What is in the cart, and what was bought."""

from models.session_rules import SessionRules
from models.visitor import Entry, Profile
from schemas.events import Event, Item


def traded(profile: Profile, event: Event, at_ms: int, rules: SessionRules) -> Profile:
    """Apply what an event puts in the cart, takes out, buys or gives back."""
    items = event.items[-rules.entries :]
    match event.name:
        case "view_item":
            return profile._replace(views=profile.views + 1)
        case "add_to_cart" if items:
            return _kept(profile._replace(carts=profile.carts + 1), _added(profile, items, at_ms), rules)
        case "remove_from_cart" if items:
            return _kept(profile, _removed(profile, items), rules)
        case "purchase" if items:
            entries = _without(_without(profile.entries, "cart", items), "purchase", items)
            bought = [Entry(product_id, "purchase", at_ms, n) for product_id, n in _quantities(items).items()]
            return _kept(profile._replace(purchases=profile.purchases + 1), (*entries, *bought), rules)
        case "refund" if items:
            return _kept(profile, _without(profile.entries, "purchase", items), rules)
        case _:
            return profile


def _kept(profile: Profile, entries: tuple[Entry, ...], rules: SessionRules) -> Profile:
    return profile._replace(entries=entries[-rules.entries :])


def _quantities(items: tuple[Item, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in items:
        found[item.product_id] = found.get(item.product_id, 0) + max(1, item.quantity)
    return found


def _added(profile: Profile, items: tuple[Item, ...], at_ms: int) -> tuple[Entry, ...]:
    before = {entry.product_id: entry.quantity for entry in profile.entries if entry.kind == "cart"}
    added = [
        Entry(product_id, "cart", at_ms, before.get(product_id, 0) + n) for product_id, n in _quantities(items).items()
    ]
    return (*_without(profile.entries, "cart", items), *added)


def _removed(profile: Profile, items: tuple[Item, ...]) -> tuple[Entry, ...]:
    taken = _quantities(items)
    left = (
        entry._replace(quantity=entry.quantity - taken.get(entry.product_id, 0)) if entry.kind == "cart" else entry
        for entry in profile.entries
    )
    return tuple(entry for entry in left if entry.quantity > 0)


def _without(entries: tuple[Entry, ...], kind: str, items: tuple[Item, ...]) -> tuple[Entry, ...]:
    gone = {item.product_id for item in items}
    return tuple(entry for entry in entries if entry.kind != kind or entry.product_id not in gone)
