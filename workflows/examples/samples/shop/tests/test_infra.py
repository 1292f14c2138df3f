"""What is deployed is there."""

import json
import unittest
from pathlib import Path


class ServicesTest(unittest.TestCase):
    def test_every_service_has_its_program(self) -> None:
        for service in json.loads(Path("infra/services.json").read_text())["services"]:
            self.assertTrue(Path(service["command"][1]).is_file(), service)
