"""The category tree as addresses have it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_NOT_IN_SLUGS = re.compile(r"[^\w]+")

Slugs = tuple[str, ...]


@dataclass(slots=True)
class Category:
    """A level of the tree.

    Args:
        names: path, department first.
        slugs: the same as parts of an address.
        leaves: leaf categories at and below it, as `models.catalogue.leaf_of` names them.
        children: levels right below, by name.
    """

    names: tuple[str, ...]
    slugs: Slugs
    leaves: list[str] = field(default_factory=list)
    children: list["Category"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.names[-1]

    @property
    def url(self) -> str:
        """Where its page is."""
        return "/c/" + "/".join(self.slugs)


def slug(name: str) -> str:
    """Write a name as part of an address.

    >>> slug("Scarves and hats"), slug("<!>")
    ('scarves-and-hats', 'other')
    """
    return _NOT_IN_SLUGS.sub("-", name.lower()).strip("-") or "other"


def tree_of(leaves: Iterable[tuple[str, tuple[str, ...]]]) -> dict[Slugs, Category]:
    """Build the tree; names that differ only in what an address cannot tell are one level.

    Args:
        leaves: name and path of each leaf category.

    Returns:
        every level by its slugs.
    """
    levels: dict[Slugs, Category] = {}
    for leaf, names in sorted(leaves):
        slugs = tuple(slug(name) for name in names)
        for depth in range(1, len(slugs) + 1):
            if slugs[:depth] not in levels:
                level = levels[slugs[:depth]] = Category(names[:depth], slugs[:depth])
                if depth > 1:
                    levels[slugs[: depth - 1]].children.append(level)
            levels[slugs[:depth]].leaves.append(leaf)
    return levels
