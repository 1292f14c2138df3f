"""A feature built by several agents of the real Claude Code at once, with a model that is played."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.emulator.model import Bash, PlayedModel, Say, Script, Write
from bot.settings import Settings
from tests.counter import KEY
from tests.graphs import FILES
from tests.house import House, opened
from tests.shelf import only

REAL = {**FILES, ".github/tutti.yml": "version: 1\ntest: sh check.sh\n"}
FOUND = """The work has two parts.
```json
{"components": [
  {"name": "api", "paths": ["api"], "task": "serve the price"},
  {"name": "web", "paths": ["web"], "task": "show the price"}
], "contract": "GET /price gives cents"}
```
"""
SCRIPTS = [
    Script(("Find the components",), [(Bash("ls; echo mine > api/price.txt || true"),), (Say(FOUND),)]),
    Script(
        ("Build the component api: serve the price", "GET /price gives cents"),
        [(Write("api/price.txt", "2\n"),), (Bash("echo no > web/page.txt; cat web/page.txt"),), (Say("Served."),)],
    ),
    Script(("Build the component web: show the price",), [(Write("web/page.txt", "2\n"),), (Say("Shown."),)]),
    Script(("The components are built.",), [(Bash("cat */*.txt > both.txt"),), (Say("Put together."),)]),
]


class RealHouse(House):
    """A house in which Claude Code works."""

    played_model: PlayedModel

    def settings(self) -> Settings:
        return super().settings().model_copy(update={"model_url": self.played_model.url})


async def test_claudes_build_a_feature_side_by_side_each_on_its_own_paths(tmp_path: Path) -> None:
    given: dict[str, Any] = {"offered": only("feature"), "extra": {"anthropic_api_key": SecretStr(KEY)}}
    async with (
        PlayedModel(SCRIPTS, key=KEY) as played,
        opened(tmp_path, files=REAL, kind=RealHouse, played_model=played, **given) as house,
    ):
        issue = await house.open_issue("Show the price")
        await house.label(issue, "auto-feature")
        await house.settle()
        assert played.problems == []
        assert "· done ·" in house.status(issue)
        files = [await house.file(house.pull.head, path) for path in ("api/price.txt", "web/page.txt", "both.txt")]
        body = house.pull.body or ""
        read, *said = [event.text.lower() for event in house.heard if event.kind == "output"]
    assert files == ["2\n", "2\n", "2\n2\n"]
    assert "read-only file system" in read, "the analyst writes nothing"
    assert any("read-only file system" in words for words in said), "nor does one component in another"
    for section in ("### build/api\n\nServed.", "### build/web\n\nShown.", "### integration\n\nPut together."):
        assert section in body
