"""The shelves of a storefront, for one visitor."""

from schemas.slates import Slate


class Shelves:
    """One slate per placement and anchor: the one with the greatest (epoch, offset, revision).

    So a revision takes the place of its own slate's first one and never of a newer slate, whatever comes when.
    """

    def __init__(self) -> None:
        self._slates: dict[tuple[str, str | None], Slate] = {}

    def put(self, slate: Slate) -> bool:
        """Put a slate on its shelf, unless it is older than what is there; say whether it is there now."""
        shelf = slate.placement, slate.anchor
        before = self._slates.get(shelf)
        if before is not None and _order(slate) <= _order(before):
            return False
        self._slates[shelf] = slate
        return True

    def get(self, placement: str, anchor: str | None = None) -> Slate | None:
        """Give what a shelf shows."""
        return self._slates.get((placement, anchor))

    def clear(self) -> None:
        """Leave the shop."""
        self._slates.clear()


def _order(slate: Slate) -> tuple[int, int, int]:
    return slate.cause.epoch, slate.cause.offset, slate.revision
