"""The frontend shows."""

import unittest

from frontend.page import page


class PageTest(unittest.TestCase):
    def test_cents_are_two_digits(self) -> None:
        self.assertEqual(page(705), "<p>Total: 7.05</p>")
