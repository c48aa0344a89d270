"""Who else is in the demo's shop: people with a browser, and contexts that a gateway asks slates for."""

CONTEXTUAL = "~"
"""What the id of a context begins with: nobody's, for visitors of whom nothing may be known."""


def is_contextual(visitor_id: str) -> bool:
    """Say whether an id stands for a context and not for a visitor.

    >>> is_contextual("~4f1c"), is_contextual("w4f1c")
    (True, False)
    """
    return visitor_id.startswith(CONTEXTUAL)


class Others:
    """Counts what is not the simulated shoppers': never in their figures.

    Attributes:
        events: of people.
        slates: that answer people, each as it was first served.
        contextual: slates of contexts.
    """

    def __init__(self) -> None:
        self.events = 0
        self.slates = 0
        self.contextual = 0
        self._people: set[str] = set()

    @property
    def people(self) -> int:
        """Count the visitors who are not simulated."""
        return len(self._people)

    def event(self, visitor_id: str) -> None:
        """Take an event of somebody who is not simulated."""
        if not is_contextual(visitor_id):
            self.events += 1
            self._people.add(visitor_id)

    def slate(self, visitor_id: str, *, revision: int) -> None:
        """Take a slate of somebody who is not simulated, or its revision."""
        if revision:
            return
        if is_contextual(visitor_id):
            self.contextual += 1
        else:
            self.slates += 1

    def summary(self) -> dict[str, int]:
        """Give the object `people` of the line that `--json` ends with."""
        return {
            "visitors": self.people,
            "events": self.events,
            "slates": self.slates,
            "contextual_slates": self.contextual,
        }
