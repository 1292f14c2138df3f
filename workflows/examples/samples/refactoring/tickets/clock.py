"""When doors open and shows end, in minutes since midnight."""

# smell: numbers that nobody explains


def doors(begins: int) -> int:
    return (begins - 30) % 1440


def ends(begins: int, acts: int) -> int:
    return (begins + acts * 50 + (acts - 1) * 20) % 1440
