"""What the pages say of settings is what the bot reads from its environment."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.settings import Settings
from tests.pages import PAGES, ROOT, bare, read, section, table


def names(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    if alias is None:
        return [f"TUTTI_{name.upper()}"]
    return [alias] if isinstance(alias, str) else [str(choice) for choice in alias.choices]  # type: ignore[union-attr]


SETTINGS = {names(name, field)[0]: field for name, field in Settings.model_fields.items()}


def test_every_setting_is_documented_and_none_else() -> None:
    rows = table(section(read("docs/install.md"), "2. Settings"), "name")
    assert {bare(row[0]) for row in rows} == set(SETTINGS)
    more = {other for name, field in Settings.model_fields.items() for other in names(name, field)[1:]}
    assert more == {"PORT"}
    for name, _, default in rows:
        known = SETTINGS[bare(name)].get_default(call_default_factory=False)
        if known not in (None, "", ()) and bare(name) != "TUTTI_DATA_DIR":
            assert bare(default) == str(known), name


def test_no_page_names_a_setting_that_is_none() -> None:
    said = {
        (page.name, name.removesuffix("_FILE"))
        for page in [*PAGES, ROOT / "Dockerfile", ROOT / "fly.toml"]
        for name in re.findall(r"\b(?:TUTTI|ANTHROPIC)_[A-Z_]+\b", page.read_text(encoding="utf-8"))
    }
    strangers = {(page, name) for page, name in said if name not in SETTINGS}
    assert {name for _, name in strangers} <= {"ANTHROPIC_BASE_URL", "TUTTI_", "ANTHROPIC_"}


FITTING = {
    "TUTTI_SANDBOX": "degraded",
    "TUTTI_TOOLS": "/opt/go",
    "TUTTI_MODELS": "one",
    "TUTTI_SETUP_HOSTS": "pypi.org",
}


@pytest.mark.parametrize("name", sorted(name for name in SETTINGS if name.startswith(("TUTTI_", "ANTHROPIC_"))))
def test_a_setting_may_stand_in_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in [*SETTINGS, "PORT"]:
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(f"{other}_FILE", raising=False)
    file = tmp_path / "value"
    given = FITTING.get(name, "1700")
    file.write_text(f"{given}\n", encoding="utf-8")
    monkeypatch.setenv(f"{name}_FILE", str(file))
    field = next(key for key, info in Settings.model_fields.items() if names(key, info)[0] == name)
    value = getattr(Settings(), field)
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    (shown,) = shown if isinstance(shown, tuple) else (shown,)
    assert (f"{shown:g}" if isinstance(shown, float) else str(shown)) == given
