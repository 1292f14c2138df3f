"""Where quoted code stands, however loosely it is quoted; and that other code is not taken for it."""

import pytest

from bot.review.quote import places

PAGE = ["def pay(cents):", "    total = Math.floor(euros * 100)", "    charge(card,  total )", "    order_by(c.name)"]


@pytest.mark.parametrize(
    ("quoted", "found"),
    [
        ("    charge(card, total )", [(3, 3)]),
        ("Math.floor(euros*100)", [(2, 2)]),
        ("total=Math.floor(euros * 100)\ncharge(card, total)", [(2, 3)]),
        ("order_by(c.email)", []),
        ("charge(card, tot al_sum)", []),
    ],
)
def test_white_space_makes_no_difference_and_names_do(quoted: str, found: list[tuple[int, int]]) -> None:
    assert places(PAGE, quoted) == found
