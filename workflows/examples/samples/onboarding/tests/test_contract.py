"""The backend keeps the contract, and every page can be rendered from it."""

import json
import unittest
from pathlib import Path

from backend.answer import ROUTES, answer
from frontend.page import PAGES

CONTRACT = json.loads(Path("contract/routes.json").read_text())


class ContractTest(unittest.TestCase):
    def test_the_backend_answers_as_agreed(self) -> None:
        for route in ROUTES:
            self.assertEqual(answer(route), CONTRACT[route], route)

    def test_every_page_can_be_rendered_from_the_contract(self) -> None:
        for path, page in PAGES.items():
            self.assertTrue(page(CONTRACT.__getitem__).startswith("<h1>"), path)
