"""What a ticket costs, in cents."""

# smell: a chain of conditions for what is a table


def price(kind: str) -> int:
    if kind == "adult":
        return 1800
    elif kind == "child":
        return 900
    elif kind == "student":
        return 1200
    elif kind == "member":
        return 1000
    else:
        raise ValueError(kind)
