"""What answering agents say at their end, as data: an answer, the parts of a task, or a description. Pure."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bot.agents.spec import Output
from bot.invisible import cleaned
from bot.review import answer

Clean = Callable[[str], str]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Path = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class _Said(BaseModel):
    """Keys that nobody asked for are left out: what is said beside them is not lost for their sake."""

    model_config = ConfigDict(frozen=True)


class Ref(_Said):
    """A place in the repository; without a line the whole file."""

    path: Path
    line: Annotated[int, Field(ge=1)] | None = None


class Answer(_Said):
    answer: Words
    refs: tuple[Ref, ...] = ()


class Part(_Said):
    """A part that can be done by itself, once those of the numbers `after` (from 1) are."""

    title: Words
    why: str = ""
    paths: tuple[Path, ...] = ()
    after: tuple[int, ...] = ()


class Parts(_Said):
    answer: str = ""
    parts: tuple[Part, ...]


class Walk(_Said):
    """What happens in one changed file."""

    path: Path
    what: Words


class Description(_Said):
    summary: Words
    title: str = ""
    walkthrough: tuple[Walk, ...] = ()


Response = Answer | Parts | Description
MODELS: Mapping[Output, type[Response]] = {"answer": Answer, "parts": Parts, "description": Description}
_ITEMS: Mapping[str, type[_Said]] = {"refs": Ref, "parts": Part, "walkthrough": Walk}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT: Mapping[str, Any] = {"type": "string"}
# For backends that hold a model to a schema. These allow no limits of lengths and numbers: the models have them.
SCHEMAS: Mapping[Output, dict[str, Any]] = {
    "answer": _object(answer=_TEXT, refs=_list(_object(path=_TEXT, line={"type": ["integer", "null"]}))),
    "parts": _object(
        answer=_TEXT,
        parts=_list(_object(title=_TEXT, why=_TEXT, paths=_list(_TEXT), after=_list({"type": "integer"}))),
    ),
    "description": _object(title=_TEXT, summary=_TEXT, walkthrough=_list(_object(path=_TEXT, what=_TEXT))),
}


def read(output: Output, words: str, clean: Clean) -> tuple[list[dict[str, Any]], list[str]]:
    """The answer in an agent's last words as plain data, one at most; and what is not valid in it, one line a problem.

    `clean` takes out of each text what nobody may see: JSON can spell it in ways that the words do not show.
    """
    given = answer.object_in(words)
    if given is None:
        return [], [answer.NO_ANSWER]
    try:
        return [MODELS[output].model_validate(_cleaned(given, clean)).model_dump(mode="json")], []
    except ValidationError as error:
        return [], answer.complaints(error)


def salvaged(output: Output, words: str, clean: Clean) -> tuple[list[dict[str, Any]], list[str]]:
    """The same of an answer that as a whole is not valid: without the items that are not.

    Plain words where data was asked for are an answer too, and were paid for.
    """
    given = answer.object_in(words)
    if given is None:
        plain = clean(cleaned(words)).strip() if output != "description" and '"answer"' not in words else ""
        made = {"answer": plain, "parts": []}
        return ([MODELS[output].model_validate(made).model_dump(mode="json")] if plain else []), [answer.NO_ANSWER]
    said, wrong = read(output, words, clean)
    if said:
        return said, wrong
    kept = {key: _valid(_ITEMS[key], value) if key in _ITEMS else value for key, value in given.items()}
    try:
        return [MODELS[output].model_validate(_cleaned(kept, clean)).model_dump(mode="json")], wrong
    except ValidationError:
        return [], wrong


def load(output: Output, record: Mapping[str, Any]) -> Response:
    """The answer as `read` gave it."""
    return MODELS[output].model_validate(record)


def _valid(model: type[_Said], items: object) -> list[object]:
    return [item for item in items if _fits(model, item)] if isinstance(items, list) else []


def _fits(model: type[_Said], item: object) -> bool:
    try:
        model.model_validate(item)
    except ValidationError:
        return False
    return True


def _cleaned(value: object, clean: Clean) -> object:
    """The value with words that people can see, and may."""
    if isinstance(value, str):
        return clean(cleaned(value))
    if isinstance(value, list):
        return [_cleaned(item, clean) for item in value]
    if isinstance(value, dict):
        return {key: _cleaned(item, clean) for key, item in value.items()}
    return value
