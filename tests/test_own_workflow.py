"""`tutti run` with a clone's own workflows: what an id means, and what its configuration lowers and disables."""

import re
from pathlib import Path

import pytest

from bot.errors import ConfigError, UserError
from bot.operate import runs as looking
from bot.operate.choice import choose
from bot.settings import Settings
from bot.workflow.bounds import Bounds
from tests.test_local import RIGHT, clone, configured, git, run

__all__ = ["clone"]  # a fixture


def own(clone: Path) -> Path:
    """The folder of the clone's own workflows."""
    folder = clone / ".github/tutti/workflows"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


OWN = "on: {workflow_call: {}}\noutputs: {pull-request: {}}\n"


async def test_a_configuration_may_name_the_clone_s_own_workflows_and_lower_what_they_use(clone: Path) -> None:
    files = own(clone)
    (files / "conf-x.yml").write_text(f"name: Mine\njobs: {{a: {{agent: developer}}}}\n{OWN}")
    (files / "link.yml").symlink_to("conf-x.yml")
    await configured(clone, "workflows: {conf-x: {limits: {usd: 0.5, minutes: 7}}}\n")
    assert (await run(clone, RIGHT, flow=str(files / "conf-x.yml"))).state == "done"
    made = (await looking.one(Settings(data_dir=clone.parent / "data"), "")).run.context["workflow"]
    assert (made["limits"]["usd"], made["limits"]["minutes"]) == (0.5, 7)


async def test_an_id_means_the_clone_s_own_workflow_of_its_newest_commit_before_ours(clone: Path) -> None:
    files = own(clone)
    for name in ("tidy", "auto-implement"):
        (files / f"{name}.yml").write_text(f"name: Mine\njobs: {{a: {{agent: developer}}}}\n{OWN}")
    with pytest.raises(UserError, match=r"The workflow tidy is not committed in .*: name its file, .github/tutti/"):
        await choose("tidy", clone)
    assert (await choose("auto-implement", clone)).workflow.name != "Mine"
    await configured(clone, "workflows: {tidy: {limits: {minutes: 7}}}\n")
    (files / "tidy.yml").write_text("Not committed.\n")
    at = git(clone, "rev-parse", "--short=8", "HEAD").strip()
    said = [(await choose(name, clone)).said for name in ("tidy", "auto-implement", "ask")]
    assert said == [
        f"tidy is this clone's own workflow, .github/tutti/workflows/tidy.yml at {at}.",
        f"auto-implement is this clone's own workflow, .github/tutti/workflows/auto-implement.yml at {at}; "
        "it takes the place of the one that Tutti ships, as on a server.",
        "",
    ]
    chosen = await choose("tidy", clone)
    assert (chosen.workflow.name, chosen.called, chosen.file) == ("Mine", "tidy", files / "tidy.yml")
    assert chosen.known["tidy"] == chosen.workflow


async def test_ours_does_not_step_in_where_the_clone_s_own_of_that_id_is_not_valid(clone: Path) -> None:
    files = own(clone)
    (files / "auto-implement.yml").write_text("name: Mine\njbos: {}\n")
    (files / "tidy.yml").symlink_to("auto-implement.yml")
    (files / "dear.yml").write_text(f"name: Dear\nlimits: {{usd: 4}}\njobs: {{a: {{uses: auto-implement}}}}\n{OWN}")
    await configured(clone, "")
    with pytest.raises(ConfigError, match=r"auto-implement.yml:2: unknown key `jbos`"):
        await choose("auto-implement", clone)
    with pytest.raises(ConfigError, match="no file but a link"):
        await choose("tidy", clone)
    with pytest.raises(ConfigError, match="this installation allows 3 USD at most"):
        await choose("dear", clone, Bounds(3, 60, 4))
    with pytest.raises(UserError, match="there is no workflow `auto-implement`"):
        await run(clone, RIGHT, flow="dear")


async def test_a_workflow_that_is_disabled_is_refused_by_itself_and_where_another_uses_it(clone: Path) -> None:
    await configured(clone, "workflows: {auto-implement: {enabled: false}}\n")
    said = "The workflow auto-implement is disabled: .github/tutti.yml on main says workflows.auto-implement.enabled"
    with pytest.raises(UserError, match=f"{re.escape(said)}: false.$"):
        await run(clone, RIGHT)
    flows = {"inner.yml": "{agent: developer}", "outer.yml": "{uses: inner}"}
    folder = own(clone)
    for name, job in flows.items():
        (folder / name).write_text(f"name: N\njobs: {{a: {job}}}\n{OWN}")
    await configured(clone, "workflows: {inner: {enabled: false}}\n")
    with pytest.raises(UserError, match="The workflow inner is disabled"):
        await run(clone, RIGHT, flow=str(folder / "outer.yml"))
