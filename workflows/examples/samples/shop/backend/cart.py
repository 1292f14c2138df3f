"""The cart: what somebody buys."""

Items = list[tuple[str, int]]


def total(items: Items) -> int:
    """What they cost together, in cents."""
    return sum(cents for _, cents in items)
