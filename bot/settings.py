"""The settings of one installation, read once from the environment; nothing else reads it."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.errors import UserError

_SECRET_NAMES = frozenset(
    ("TUTTI_PRIVATE_KEY", "TUTTI_WEBHOOK_SECRET", "TUTTI_DATABASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
)
_taken: dict[str, str] = {}  # the secrets that stood in the environment, for who reads the settings again
SHORTEST_SECRET = 16  # characters; shorter words stand in ordinary text


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "tutti"


class DayLimits(NamedTuple):
    """US dollars that a day may cost: for a repository, for whoever starts runs, for all. None: no limit."""

    repo: float | None
    actor: float | None
    all: float | None


class RunsADay(NamedTuple):
    """Runs that may start in a day of UTC: in a repository, by one person. None: no limit."""

    repo: int | None
    actor: int | None


def _listed(given: object) -> object:
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


def _limit(given: object) -> object:
    return None if isinstance(given, str) and given.strip().lower() == "none" else given


def _folders(given: object) -> object:
    return [part for part in given.split(":") if part] if isinstance(given, str) else given


_Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_folders)]  # with colons between them, as in PATH
_List = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]  # words with commas between them
_Usd = Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_limit)]
_Count = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(_limit)]
_HOST = re.compile(r"(?=.{1,253}(?::|$))[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*(:\d{1,5})?")


class _EnvironmentSource(EnvSettingsSource):
    """The environment, with what was taken out of it."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {**{name.lower(): value for name, value in _taken.items()}, **super()._load_env_vars()}


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
    max_agents: int = Field(default=8, ge=1, description="agents that one run may have at work at once")
    models: _List = Field(default=(), description="the models that agents may ask; none: those of the price list")
    repo_usd_a_day: _Usd = Field(default=50, description="US dollars that a repository may cost in a day of UTC")
    actor_usd_a_day: _Usd = Field(default=25, description="the same for all runs that one person starts")
    usd_a_day: _Usd = Field(default=100, description="the same for the whole installation")
    repo_runs_a_day: _Count = Field(default=300, description="runs that may start in a repository in a day of UTC")
    actor_runs_a_day: _Count = Field(default=100, description="runs that one person may start in a day of UTC")
    setup_hosts: _List = Field(default=(), description="what `setup:` steps reach; none: the package registries")
    sandbox: Literal["strong", "degraded"] = Field(default="strong", description="the weakest tier to be content with")
    tools: _Paths = Field(
        default=(), description="files and folders that agents and tests may read, and start things from"
    )
    memory_mb: int = Field(default=4096, ge=256, description="what the processes of one place may use together")
    processes: int = Field(default=512, ge=32, description="processes and threads of one place")
    disk_mb: int = Field(default=10_240, ge=64, description="what one place may hold on disk")

    @field_validator("github_url", "api_url", "model_url", "public_url")
    @classmethod
    def _no_trailing_slash(cls, url: str | None) -> str | None:
        return url.rstrip("/") if url else url

    @field_validator("models")
    @classmethod
    def _names(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        for model in models:
            if not re.fullmatch(r"[\w.:@/\[\]-]+", model):
                raise ValueError(f"`{model}` is no model's name: write names with commas between them")
        return models

    @field_validator("setup_hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        named = tuple(host.lower() for host in hosts)
        for host in named:
            if not _HOST.fullmatch(host) or int(host.partition(":")[2] or 443) not in range(1, 65_536):
                raise ValueError(f"`{host}` is no host: write `name` or `name:port`, with commas between them")
        return named

    @field_validator("tools")
    @classmethod
    def _whole_paths(cls, tools: tuple[Path, ...]) -> tuple[Path, ...]:
        for tool in tools:
            if not tool.is_absolute() or len(tool.parts) < 2 or ".." in tool.parts:
                raise ValueError(f"`{tool}` is no place for tools: write whole paths, with colons between them")
        return tools

    @property
    def day_limits(self) -> DayLimits:
        """What a day may cost."""
        return DayLimits(self.repo_usd_a_day, self.actor_usd_a_day, self.usd_a_day)

    @property
    def runs_a_day(self) -> RunsADay:
        """How many runs a day may start."""
        return RunsADay(self.repo_runs_a_day, self.actor_runs_a_day)

    def signing_secret(self) -> str:
        """The webhook secret. Raises UserError where there is none."""
        if self.webhook_secret is None:
            raise UserError("TUTTI_WEBHOOK_SECRET is not set: choose one, and give the same to the GitHub App.")
        return self.webhook_secret.get_secret_value()

    @property
    def secrets(self) -> frozenset[str]:
        """What no word of an agent and no change may show.

        The keys, line by line where they have lines, and the passwords of the database and the proxies.
        """
        keys = [self.private_key, self.webhook_secret, self.anthropic_api_key]
        lines = [line.strip() for key in keys if key for line in re.split(r"\\n|\n", key.get_secret_value())]
        urls = (self.database_url, self.https_proxy or "", self.http_proxy or "")
        passwords = {word for url in urls for word in _passwords(url)}
        return frozenset(passwords) | {
            line for line in lines if len(line) >= SHORTEST_SECRET and not line.startswith("-----")
        }

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
        return init_settings, _EnvironmentSource(settings_cls), _FileSource(settings_cls)


def reach_this_machine_directly() -> None:
    """For the demo: whatever proxy this process is told to use, what plays GitHub and the model is on loopback."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(part for part in (os.environ.get(name), "127.0.0.1", "localhost") if part)


def read(**given: Any) -> Settings:
    """The settings of this process; `given` wins over the environment.

    Secrets do not stay in the environment: whatever this process starts from now on would get them.
    """
    try:
        return Settings(**given)
    finally:
        _take_secrets()


def _take_secrets() -> None:
    for name in [name for name in os.environ if name.upper() in _SECRET_NAMES]:
        _taken[name] = os.environ.pop(name)


def _passwords(url: str) -> list[str]:
    """The passwords in a URL, `user:password@` or a parameter, as written and as meant; but for plain short words."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        shown = [parts.password or "", *re.findall(r"(?:^|&)(?:ssl)?password=([^&]*)", parts.query)]
    except ValueError:
        return []
    words = [word for one in shown for word in (one, unquote(one))]
    return [word for word in words if len(word) >= SHORTEST_SECRET or (len(word) >= 8 and not word.isalpha())]
