"""Scripts of rehearsals: a YAML file says what each agent does, and a workflow plays without any model."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.task import Outcome, Task
from bot.backends.rehearsal import Act, Append, Delete, Fail, Plan, Run, Say, Wait, Write
from bot.errors import ConfigError, UserError
from bot.operate import script
from bot.operate.clone import Wish
from bot.operate.local import rehearsed
from bot.operate.script import entry
from bot.sandbox.jail import Jail, Walls

WHOLE = """
jobs:
  build/api:
    - plan: [read, write]
      write: {api.py: "one\\n", docs/api.md: "# Api\\n"}
      append: {README.md: "More.\\n"}
      delete: old.py
      run: [make api, make docs]
      wait: 0.5
      say: It is built.
      answer: {title: Add the API}
      write-from: {big.txt: big/text.txt}
    - fail: It went wrong.
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "score.rehearsal.yml"
    file.write_text(text)
    return file


def wrong(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as told:
        script.parse(written(folder, text))
    return str(told.value).removeprefix(f"{folder}/")


def task(key: str, run: str = "run") -> Task:
    here = Path("there")
    return Task(run, key, "", "", here, here, {}, None, 1, 1.0, "", "", Jail(Walls("none"), None, here, (), ()))


def played(scripted: script.Scripted, *keys: str) -> list[Sequence[Act]]:
    return [scripted.acts(task(key)) for key in keys]


def said(scripted: script.Scripted, *keys: str) -> list[str]:
    """The words of each asking, or the problem that it ends with."""
    acts = [one for (one,) in played(scripted, *keys)]
    return [one.text if isinstance(one, Say) else one.outcome.problem for one in acts if isinstance(one, Say | Fail)]


def test_acts_are_done_in_the_order_in_which_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big/text.txt").write_text("A long text.\n")
    first, second = played(script.parse(written(tmp_path, WHOLE)), "build/api.agent.1", "build/api.agent.2")
    assert first == (
        Plan(("read", "write")),
        Write("api.py", "one\n"),
        Write("docs/api.md", "# Api\n"),
        Append("README.md", "More.\n"),
        Delete("old.py"),
        Run("make api"),
        Run("make docs"),
        Wait(0.5),
        Say('It is built.\n\n```json\n{\n  "title": "Add the API"\n}\n```'),
        Write("big.txt", "A long text.\n"),
    )
    assert second == (Fail(Outcome("error", "", problem="It went wrong.")),)


def test_what_an_agent_answers_is_said_as_json(tmp_path: Path) -> None:
    scripted = script.parse(written(tmp_path, "jobs:\n  analysis:\n    - answer: {components: [api, 2, true]}\n"))
    (words,) = said(scripted, "analysis.read")
    assert json.loads(words.removeprefix("```json").removesuffix("```")) == {"components": ["api", 2, True]}


TABLE = [
    ("build/api.agent.1", "build/api"),
    ("build/api.agent.4", "build/api"),
    ("build/web.agent.1", "build/*"),
    ("build/api.resolve.agent.1", None),
    ("build/web.resolve.agent.2", "build/web.resolve.agent"),
    ("lead.plan", "lead"),
    ("lead.plan.2", "lead"),
    ("lead.review", "lead.review"),
    ("lead.review.2", "lead.review.2"),
    ("lead.review.3", "lead.review"),
    ("backend.review", "*.review"),
    ("backend.plan", None),
    ("analysis.read", None),
]
NAMES = ["build/*", "build/api", "build/web.resolve.agent", "lead", "lead.review", "lead.review.2", "*.review"]


@pytest.mark.parametrize(("key", "name"), TABLE)
def test_a_step_has_the_most_exact_name_that_fits_it(key: str, name: str | None) -> None:
    assert entry(key, NAMES) == name


def test_every_asking_of_a_job_plays_the_next_try_and_jobs_of_one_glob_count_apart(tmp_path: Path) -> None:
    scripted = script.parse(written(tmp_path, "jobs:\n  build/*:\n    - say: one\n    - say: two\n"))
    assert said(scripted, "build/api.agent.1", "build/api.agent.19", "build/web.agent.1") == ["one", "two", "one"]
    assert scripted.acts(task("build/api.agent.1", run="another")) == (Say("one"),)


def test_what_the_script_has_nothing_for_fails_and_says_so(tmp_path: Path) -> None:
    scripted = script.parse(written(tmp_path, "jobs:\n  build:\n    - say: one\n"))
    assert said(scripted, "buld.agent.1", "test.agent.1", "build.agent.1", "build.agent.2") == [
        "the script score.rehearsal.yml has nothing for buld.agent.1 (did you mean build?)",
        "the script score.rehearsal.yml has nothing for test.agent.1",
        "one",
        "the script score.rehearsal.yml has no try 2 for build, and build.agent.2 asks for it",
    ]


MISTAKES = {
    "jobs: {a: [{wrte: {}}]}": "1: unknown key `jobs.a.0.wrte` (did you mean `write`?)",
    "jobs:\n  a:\n    - say: 1": "3: `jobs.a.0.say`: input should be a valid string",
    "jobs:\n  a:\n    - write: {../x: y}": "3: `jobs.a.0.write.../x`: a path below the top of the repository is needed",
    "jobs:\n  a:\n    - delete: [/etc/x]": "3: `jobs.a.0.delete.0`: a path below the top of the repository is needed",
    "jobs:\n  a:\n    - {}": "3: `jobs.a.0`: a try does something, and be it to `say` why it does nothing",
    "jobs:\n  a: []": "2: `jobs.a`: a job is played at least once",
    "jobs:\n  a:\n    - say": "3: `jobs.a.0`: must be a mapping of keys to values",
    "": "1: `jobs`: field required",
    "jobs:\n  a:\n    - write-from:\n        x: ../y": "4: `jobs.a.0.write-from.x`: a path below the top",
    "jobs:\n  a:\n    - write-from:\n        x: y": "4: The file ",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named_with_its_line(text: str, tmp_path: Path) -> None:
    assert wrong(tmp_path, text).startswith(f"score.rehearsal.yml:{MISTAKES[text]}")


WISH = Wish("", "", backend="rehearsal")


def test_the_script_beside_the_workflow_is_played_unless_another_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "jobs: {a: [{say: beside}]}")
    other = tmp_path / "other.yml"
    other.write_text("jobs: {a: [{say: other}]}")
    workflow = str(file).replace(".rehearsal", "")
    for wish, words in ((WISH, "beside"), (replace(WISH, script=other), "other")):
        backend = rehearsed(workflow, None, wish)["rehearsal"]
        assert isinstance(backend, script.Scripted)
        assert said(backend, "a.agent.1") == [words]
    assert rehearsed(workflow, None, Wish("", "")) == {}


def test_without_a_script_nothing_is_played_and_that_is_said() -> None:
    with pytest.raises(UserError) as told:
        rehearsed("no/score.yml", None, WISH)
    said = "There is nothing to rehearse: no file no/score.rehearsal.yml beside the workflow; name one with --script."
    assert str(told.value) == said
    with pytest.raises(UserError, match="A script is played with --backend rehearsal, and by no other"):
        rehearsed("no/score.yml", None, Wish("", "", backend="claude", script=Path("x")))
