"""The log: JSON lines on standard error, without anything that must stay private."""

import logging
from collections.abc import Iterable
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from bot.policy.secrets import redacted

FRAMES = 20
_own: set[str] = set()


def keep_out(secrets: Iterable[str]) -> None:
    """These are never printed, in whatever words or encoding; what looks like a key or token is not, without this."""
    _own.update(secrets)


def without_secrets(value: Any) -> Any:
    """What is to be printed, its texts without secrets: a library's error may quote what it was given."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {key: without_secrets(inner) for key, inner in value.items()}
        case list() | tuple():
            return [without_secrets(inner) for inner in value]
        case _:
            return redacted(value if isinstance(value, str) else repr(value), _own)


def configure_logging(level: int = logging.INFO) -> None:
    """For our words and those of libraries alike."""
    # Without local variables: tokens and what people wrote in private repositories are among them.
    traces = ExceptionDictTransformer(show_locals=False, max_frames=FRAMES)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.ExceptionRenderer(traces),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler()
    printed: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _without_secrets,
        structlog.processors.JSONRenderer(),
    ]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=printed, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _without_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {key: without_secrets(value) for key, value in event.items()}
