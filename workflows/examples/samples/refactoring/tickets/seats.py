"""Which seats are free."""

# smell: nested deeper than one can follow


def free(rows: dict[str, int], taken: set[str]) -> list[str]:
    found = []
    for row in rows:
        if rows[row] > 0:
            for number in range(1, rows[row] + 1):
                seat = row + str(number)
                if seat not in taken:
                    if not seat.endswith("13"):
                        found.append(seat)
    return found
