"""The agent file: which backend, which limits, and the prompt."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bot import template
from bot.document import Document, Strict, load, validate
from bot.errors import ConfigError

PROMPT_NAMES = (
    *("issue", "repo", "comments", "plan", "tests", "attempt", "tries", "earlier"),
    *("focus", "owns", "before", "request", "unmerged", "wanted"),
)
REVIEW_NAMES = (
    *("pull", "diff", "guidelines", "instructions", "language", "candidates", "wrong"),
    *("question", "thread", "left"),
)
Output = Literal["answer", "parts", "description", "data"]


class AgentSpec(Strict):
    """An agent file `<name>.md`; `command` is the argv of the `command` backend, `output` what an answer is made of."""

    description: str = ""
    backend: str = "claude"
    model: str | None = None
    max_turns: Annotated[int, Field(ge=1, le=1000)] = 150
    command: tuple[str, ...] = ()
    rules: str = ""
    output: Output = "answer"
    prompt: str

    @property
    def reads(self) -> bool:
        """Whether it answers with data, and changes nothing."""
        return self.output == "data"

    @model_validator(mode="after")
    def _prompt_is_a_template(self) -> "AgentSpec":
        if wrong := template.problem(self.prompt, (*PROMPT_NAMES, *REVIEW_NAMES)):
            raise ValueError(wrong)
        return self


def parse_agent(name: str, text: str) -> AgentSpec:
    """An agent file: YAML front matter between `---` lines, then the prompt. Raises ConfigError."""
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise ConfigError(name, 1, "an agent file begins with `---`, its settings, and `---`")
    document = load(name, parts[1], first_line=2)
    data: Any = document.data if document.data is not None else {}
    if isinstance(data, dict):
        data = {**data, "prompt": parts[2].strip() + "\n"}
    return validate(Document(name, data, document.lines), AgentSpec)
