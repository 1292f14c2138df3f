"""The check of the club's accounts: the report is the signed one, and the tests pass where there are some."""

import subprocess
import sys
import unittest
from pathlib import Path


def main() -> int:
    said = subprocess.run([sys.executable, "ledger.py", "data/entries.txt"], capture_output=True, text=True)
    if said.stdout != Path("golden/report.txt").read_text():
        print(f"the report is not the signed one:\n{said.stdout}{said.stderr}")
        return 1
    print("the report is the signed one")
    if not Path("tests").is_dir():
        return 0
    found = unittest.defaultTestLoader.discover("tests", top_level_dir=".")
    return 0 if unittest.TextTestRunner(verbosity=0).run(found).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
