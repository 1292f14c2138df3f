"""The backend counts."""

import unittest

from backend.cart import total


class CartTest(unittest.TestCase):
    def test_the_total_is_the_sum(self) -> None:
        self.assertEqual(total([("tea", 450), ("cake", 320)]), 770)
