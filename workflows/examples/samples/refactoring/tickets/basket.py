"""What somebody is about to buy."""

# smell: a default that all baskets share


class Basket:
    def __init__(self, seats: list[str] = []) -> None:
        self.seats = seats or []

    def add(self, seat: str) -> None:
        if seat in self.seats:
            raise ValueError(seat)
        else:
            self.seats.append(seat)
