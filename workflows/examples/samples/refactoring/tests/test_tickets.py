"""Every module does what it always did."""

import unittest

from tickets.basket import Basket
from tickets.clock import doors, ends
from tickets.mail import cancelled, confirmed
from tickets.price import price
from tickets.seats import free


class TicketsTest(unittest.TestCase):
    def test_prices(self) -> None:
        self.assertEqual([price(kind) for kind in ("adult", "child", "student", "member")], [1800, 900, 1200, 1000])
        with self.assertRaises(ValueError):
            price("dog")

    def test_seats(self) -> None:
        self.assertEqual(free({"A": 3, "B": 0}, {"A2"}), ["A1", "A3"])
        self.assertNotIn("C13", free({"C": 14}, set()))

    def test_mail(self) -> None:
        self.assertEqual(
            confirmed("Ada", "Hamlet"), "Dear Ada,\n\nyour tickets for Hamlet are booked.\n\nThe theatre"
        )
        self.assertIn("are cancelled.", cancelled("Ada", "Hamlet"))

    def test_times(self) -> None:
        self.assertEqual((doors(20 * 60), ends(20 * 60, 3)), (19 * 60 + 30, 23 * 60 + 10))
        self.assertEqual(doors(15), 1425)

    def test_baskets(self) -> None:
        one, other = Basket(), Basket()
        one.add("A1")
        self.assertEqual((one.seats, other.seats), (["A1"], []))
        with self.assertRaises(ValueError):
            one.add("A1")
