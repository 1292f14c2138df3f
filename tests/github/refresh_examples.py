"""Makes `webhook-examples.json.xz` again: `python -m tests.github.refresh_examples PACKAGE.tgz`.

The package is what `npm pack @octokit/webhooks-examples` leaves; its licence is in `webhook-examples.LICENSE`.
"""

import json
import lzma
import sys
import tarfile
from pathlib import Path

from tests.github.example import PLACE


def main() -> None:
    with tarfile.open(Path(sys.argv[1])) as package:
        member = package.extractfile("package/api.github.com/index.json")
        assert member is not None
        groups = json.load(member)
    kept = {group["name"]: group["examples"] for group in groups}
    PLACE.write_bytes(lzma.compress(json.dumps(kept, separators=(",", ":")).encode(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
