"""The schemas that editors read: they are those of the code, and they refuse what the parsers refuse."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot.document import load
from bot.errors import ConfigError
from bot.operate.schema import KINDS, file_of, schema
from bot.workflow import known
from bot.workflow.known import Known
from bot.workflow.library import SHIPPED, shipped
from tests.town import told

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/workflows.md").read_text(encoding="utf-8")
CONFIGURATION = """version: 1
staged: true
language: German
setup: [pip install -e ., npm ci]
setup-hosts: ["packages.example", "npm.example:8443"]
test: pytest -q
lint: [ruff check]
backend: claude
agents:
  developer: {model: opus, max-turns: 20}
  review/*: {backend: claude}
workflows:
  auto-implement: {labels: [do-it], requires: maintain, approval: plan, limits: {usd: 1, minutes: 10}}
  review: {enabled: false}
limits: {usd: 2, minutes: 30, usd-a-day: 10, runs-a-day: 20}
base: develop
draft: true
co-authors: true
owns: [src/**, "!src/secret/"]
layers: {web: [/web/, "/static/**"], api: [/api/]}
services: ["services/*", "!services/old"]
protected: [infra/]
bots: [49699333]
review:
  tiers: [{name: docs, all: ["*.md"], agents: [style]}]
  skip: {drafts: false}
"""


def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema(kind)))


def plain(text: str) -> Any:
    return load("f.yml", text).data


def wrong(kind: str, data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(kind).iter_errors(data)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_committed_is_what_the_code_makes(kind: str) -> None:
    told_here = (ROOT / "docs/schemas" / file_of(kind)).read_text(encoding="utf-8")
    assert told_here == schema(kind), "tutti schema KIND > docs/schemas/..."
    Draft202012Validator.check_schema(json.loads(told_here))


async def test_the_command_prints_it_and_says_which_there_are(tmp_path: Path) -> None:
    code, words = await told({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, "schema", "workflow")
    assert (code, json.loads(words)) == (0, json.loads(schema("workflow")))
    code, words = await told({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "200"}, "schema", "x")
    assert (code, words) == (1, "There is no schema `x`: say one of configuration, workflow, agent.")


def test_what_is_shipped_and_what_the_page_shows_is_valid() -> None:
    for path in SHIPPED.glob("*.yml"):
        assert wrong("workflow", plain(path.read_text(encoding="utf-8"))) == [], path.name
    for path in (SHIPPED / "agents").rglob("*.md"):
        assert wrong("agent", plain(path.read_text(encoding="utf-8").split("---\n", 2)[1])) == [], path.name
    workflow, configuration = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert wrong("workflow", plain(workflow)) == []
    assert wrong("configuration", plain(configuration)) == []


def test_a_configuration_with_every_key_is_valid_for_both() -> None:
    data = plain(CONFIGURATION)
    assert set(data) == set(json.loads(schema("configuration"))["properties"])
    assert wrong("configuration", data) == []
    known.parse(CONFIGURATION, Known(("claude",), tuple(shipped().agents), shipped().workflows))


def damaged(data: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The data with an unknown key in each of its mappings in turn, and where that is."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    if isinstance(data, dict) and at not in (("agents",), ("layers",), ("workflows",)):
        yield ".".join(at), {**data, "zebra": 1}
    for name, part in parts:
        for place, whole in damaged(part, (*at, str(name))):
            yield place, {**data, name: whole} if isinstance(data, dict) else [*data[:name], whole, *data[name + 1 :]]


def test_an_unknown_key_is_refused_by_both_wherever_it_stands() -> None:
    found = dict(damaged(plain(CONFIGURATION)))
    assert {"", "limits", "agents.developer", "workflows.auto-implement.limits", "review.tiers.0"} <= set(found)
    for place, data in found.items():
        text = yaml.safe_dump(data, sort_keys=False)
        with pytest.raises(ConfigError, match="unknown key"):
            known.parse(text, Known(("claude",), tuple(shipped().agents), shipped().workflows))
        assert any("zebra" in error for error in _deep("configuration", data)), place


def _deep(kind: str, data: Any) -> list[str]:
    """Every complaint, those of alternatives, too."""
    waiting, said = list(validator(kind).iter_errors(data)), []
    while waiting:
        error = waiting.pop()
        said.append(error.message)
        waiting += error.context or ()
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_that_the_page_explains_is_explained_in_the_editor(kind: str) -> None:
    groups = {"on", "cancel-on", "limits", "jobs", "review", "outputs", "agents", "workflows"}  # their keys are
    groups |= {"concurrency", "phases", "tasks", "team"}
    described = json.loads(schema(kind))["properties"]
    assert {key for key, part in described.items() if "description" not in part} <= groups
    assert "TUTTI_MAX_USD" in schema("configuration")
