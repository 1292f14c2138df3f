"""Both together."""

import unittest

from desk import page


class DeskTest(unittest.TestCase):
    def test_it_greets(self) -> None:
        self.assertEqual(page("/hello"), "<h1>Welcome</h1>")
