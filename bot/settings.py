"""The settings of one installation, read once from the environment; nothing else reads it."""

import os
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import UserError


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "tutti"


class _FileSource(EnvSettingsSource):
    """`<NAME>_FILE` holds the path of a file whose content is the value of `<NAME>`."""

    def _load_env_vars(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for name, path in os.environ.items():
            if name.endswith("_FILE") and path and name.startswith(("TUTTI_", "ANTHROPIC_")):
                found[name.removesuffix("_FILE").lower()] = Path(path).read_text(encoding="utf-8").strip()
        return found


class Settings(BaseSettings):
    """Every setting by the name `TUTTI_<FIELD>` (and `ANTHROPIC_API_KEY`, `PORT`), each also as `<NAME>_FILE`."""

    model_config = SettingsConfigDict(env_prefix="TUTTI_", populate_by_name=True, frozen=True, extra="ignore")

    app_id: int | None = None
    private_key: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    github_url: str = "https://github.com"
    api_url: str = "https://api.github.com"
    public_url: str | None = None
    data_dir: Path = Field(default_factory=_default_data_dir)
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, validation_alias=AliasChoices("TUTTI_PORT", "PORT"))
    model_url: str = "https://api.anthropic.com"
    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    https_proxy: str | None = Field(default=None, validation_alias="HTTPS_PROXY")
    http_proxy: str | None = Field(default=None, validation_alias="HTTP_PROXY")
    no_proxy: str | None = Field(default=None, validation_alias="NO_PROXY")
    ca_file: Path | None = Field(default=None, validation_alias="SSL_CERT_FILE")
    max_runs: int = Field(default=4, ge=1, description="runs executed at once by this installation")
    max_usd: float = Field(
        default=5, gt=0, description="US dollars a run may spend at most, whatever its workflow says"
    )
    max_minutes: float = Field(default=60, gt=0, description="minutes a run may take at most")

    @field_validator("github_url", "api_url", "model_url", "public_url")
    @classmethod
    def _no_trailing_slash(cls, url: str | None) -> str | None:
        return url.rstrip("/") if url else url

    def signing_secret(self) -> str:
        """The webhook secret. Raises UserError where there is none."""
        if self.webhook_secret is None:
            raise UserError("TUTTI_WEBHOOK_SECRET is not set: choose one, and give the same to the GitHub App.")
        return self.webhook_secret.get_secret_value()

    @property
    def database(self) -> str:
        """The database's URL: the one given, or a SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'tutti.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


def reach_this_machine_directly() -> None:
    """For the demo: whatever proxy this process is told to use, what plays GitHub and the model is on loopback."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(part for part in (os.environ.get(name), "127.0.0.1", "localhost") if part)


def read(**given: Any) -> Settings:
    """The settings of this process; `given` wins over the environment."""
    return Settings(**given)
