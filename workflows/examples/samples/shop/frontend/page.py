"""The page of a cart."""


def page(cents: int) -> str:
    return f"<p>Total: {cents // 100}.{cents % 100:02}</p>"
