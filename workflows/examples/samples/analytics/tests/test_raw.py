"""The raw data is as the branches send it."""

import csv
import unittest
from pathlib import Path


class RawTest(unittest.TestCase):
    def test_every_branch_sends_the_same_columns(self) -> None:
        for path in Path("data/raw").glob("*.csv"):
            with path.open(newline="") as file:
                self.assertEqual(next(csv.reader(file)), ["date", "item", "count", "cents"], path)
