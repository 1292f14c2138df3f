"""What a job says by name for those after it: of which kind each is, and what of an agent's words is that. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError
from pydantic import create_model as made

from bot.invisible import cleaned
from bot.review.answer import complaints, object_in
from bot.storable import storable

Kind = Literal["string", "number", "boolean", "list", "map"]
MOST, LONGEST = 1000, 10_000  # items of a list, characters of a text
_Text = Annotated[StrictStr, Field(max_length=LONGEST)]
_Number = StrictInt | StrictFloat
_Plain = _Text | StrictBool | _Number
_Map = Annotated[dict[_Text, _Plain | None], Field(max_length=100)]
_KINDS: Mapping[Kind, Any] = {
    "string": _Text,
    "number": _Number,
    "boolean": StrictBool,
    "list": Annotated[list[_Plain | _Map], Field(max_length=MOST)],
    "map": _Map,
}


def schema(types: Mapping[str, Kind]) -> dict[str, Any]:
    """The JSON Schema of an object with these keys, each of them required."""
    return _model(tuple(types.items())).model_json_schema()


def parse(words: str, types: Mapping[str, Kind]) -> tuple[dict[str, Any], list[str]]:
    """What an agent's last words hold of these by name, and in sentences what is wrong with them.

    They are JSON, or have a block of it; the outputs are its keys, or stand below its key `outputs`.
    """
    said = object_in(words)
    if said is None:
        return {}, [f"the answer has no JSON block with {', '.join(f'`{name}`' for name in types)}"]
    inner = said.get("outputs")
    given = inner if isinstance(inner, dict) and "outputs" not in types else said
    found = {name: _clean(given[name]) for name in types if name in given}
    try:
        _model(tuple(types.items())).model_validate(found)
    except ValidationError as error:
        return {}, complaints(error)[:10]
    return found, []


@lru_cache(maxsize=64)
def _model(types: tuple[tuple[str, Kind], ...]) -> type[BaseModel]:
    fields: dict[str, Any] = {f"f{nth}": (_KINDS[kind], Field(alias=name)) for nth, (name, kind) in enumerate(types)}
    return made("Outputs", __config__=ConfigDict(extra="forbid"), **fields)


def _clean(value: Any) -> Any:
    """The same without what nobody sees and what no database holds."""
    if isinstance(value, str):
        return cleaned(storable(value)).strip()
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list) else value
