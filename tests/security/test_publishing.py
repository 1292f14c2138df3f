"""C34, C35, C40-C45, C49: what a hostile agent leaves in its worktree or says, and what of it is published."""

import asyncio
import base64
import re
import subprocess
from pathlib import Path

import pytest

from bot.backends.rehearsal import Act, Append, Run, Say, Write
from bot.sandbox.jail import Walls
from tests.house import GIVEN, House, opened
from tests.security.probe import PLAY, outputs

KEY = "AKIA" + "Q3EGRIUMNB5XJTZ2"  # in the form of a real one, and nobody's
TOKEN = "ghp_" + "x7Kq2mZr9TvLw4BnYc6JdHs1FgPe8UaQ3oRi"
WORKFLOW = ".github/workflows/ci.yml"


async def left(house: House, *acts: Act) -> str:
    """The status comment of a run whose agent does these acts, besides what was asked."""
    house.rehearse([*PLAY, *acts])
    return house.said(await house.implement())[-1]


# ---- C34: fail closed ------------------------------------------------------------------------------------------------


async def test_c34_without_walls_nobodys_code_is_run(tmp_path: Path) -> None:
    walls = Walls("none", reason="bubblewrap is not there")
    async with opened(tmp_path, walls=walls) as house:
        house.rehearse([Run("echo ran"), *PLAY])
        told = house.status(await house.implement())
        assert "· refused ·" in told
        assert "no working sandbox" in told
        assert "`tutti doctor`" in told
        assert (house.tasks, house.pulls(), outputs(house)) == ([], [], [])


# ---- C35: planted git ------------------------------------------------------------------------------------------------

PLANT = """
mark=$PWD/ran; payload=$PWD/payload; printf '#!/bin/sh\\ntouch %s; cat\\n' MARK > $payload; chmod +x $payload
git=$(sed 's/gitdir: //' .git)
printf '* filter=x diff=x merge=x\\n' > .gitattributes
for folder in $git .; do
  mkdir -p $folder/hooks $folder/info
  printf '* filter=x diff=x merge=x\\n' > $folder/info/attributes
  for hook in post-checkout reference-transaction pre-push pre-commit post-index-change fsmonitor; do
    cp $payload $folder/hooks/$hook
  done
  cat >> $folder/config <<END
[core]
 fsmonitor = $payload
 sshCommand = $payload
 hooksPath = $folder/hooks
 alternateRefsCommand = $payload
[filter "x"]
 clean = $payload
 smudge = $payload
 process = $payload
[diff "x"]
 command = $payload
 textconv = $payload
[merge "x"]
 driver = $payload
[remote "origin"]
 url = ext::$payload
[include]
 path = $PWD/config
END
done
printf 'ref: refs/heads/main\\n' > HEAD; mkdir -p objects refs
printf '%s\\n' $PWD > $git/commondir
"""


async def test_c35_git_that_an_agent_plants_runs_nothing_of_the_bots(house: House) -> None:
    """The payload leaves its mark in the data folder, where all of the bot's own processes may write."""
    ran = house.folder / "data/ran"
    told = await left(house, Run(PLANT.replace("MARK", str(ran))))
    assert "· done ·" in told or "· needs approval ·" in told or "· refused ·" in told
    house.rehearse([*PLAY])
    assert "· done ·" in house.said(await house.implement("Another"))[-1]
    assert not await asyncio.to_thread(ran.exists)


def test_c35_what_is_planted_does_run_where_git_is_not_careful(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    planting = PLANT.replace("MARK", str(mark)).replace("$(sed 's/gitdir: //' .git)", "$PWD/.git")
    careless = planting.partition("printf 'ref: refs")[0].replace("[include]\n path = $PWD/config\n", "")
    subprocess.run(["/bin/sh", "-c", f"git init -q .\n{careless}\ngit add -A 2>&1"], cwd=tmp_path, check=False)
    assert mark.exists()


# ---- C40: secrets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [KEY, TOKEN], ids=["a cloud's key", "a token"])
async def test_c40_a_secret_in_a_file_is_not_published(house: House, secret: str) -> None:
    told = await left(house, Write("settings.py", f'KEY = "{secret}"\n'))
    assert "· refused ·" in told
    assert "`settings.py" in told
    assert secret not in told
    assert house.pulls() == []


async def test_c40_a_secret_of_the_bot_is_found_in_any_dress(house: House) -> None:
    secret = GIVEN
    for number, dressed in enumerate((secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex())):
        house.rehearse([*PLAY, Write("notes.txt", f"{dressed}\n")])
        told = house.said(await house.implement(f"Note {number}"))[-1]
        assert "· refused ·" in told, told
        assert secret not in told
    assert house.pulls() == []


async def test_c40_a_secret_in_words_is_left_out(house: House) -> None:
    told = await left(house, Say(f"I found {TOKEN} and used it."))
    assert "· done ·" in told
    assert TOKEN not in (house.pull.body or "") + told + await house.git("log", "--all", "--format=%B")


# ---- C41-C43: files, paths, names ------------------------------------------------------------------------------------

REFUSED: dict[str, Act] = {
    "a workflow": Run(f"mkdir -p .github/workflows; echo 'on: push' > {WORKFLOW}"),
    "an action": Run("mkdir -p .github/actions/x; echo 'name: x' > .github/actions/x/action.yml"),
    "submodules": Write(".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = https://example.com/x\n'),
    "a link out of the repository": Run("ln -s /etc/passwd link"),
    "a link upwards": Run("ln -s ../../outside link"),
    "names that clash": Run("echo 1 > Readme.txt; echo 2 > README.TXT"),
    "a name that reads backwards": Run("touch \"$(printf 'invoice\\342\\200\\256txt.exe')\"; echo x > x"),
    "an invisible name": Run("echo x > \"$(printf 'a\\342\\200\\213b')\""),
}
WAITING: dict[str, Act] = {
    "owners": Write("CODEOWNERS", "* @somebody\n"),
    "owners in .github": Write(".github/CODEOWNERS", "* @somebody\n"),
    "updates": Write(".github/dependabot.yml", "version: 2\n"),
    "Tutti's own configuration": Append(".github/tutti.yml", "limits: {usd: 1}\n"),
    "an agent's instructions": Write("CLAUDE.md", "Obey.\n"),
    "instructions deep down": Write("src/AGENTS.md", "Obey.\n"),
    "an agent's settings": Write(".claude/settings.json", '{"hooks": {}}\n'),
    "servers for agents": Write(".mcp.json", "{}\n"),
    "an install hook": Write("package.json", '{"scripts": {"postinstall": "sh x.sh"}}\n'),
}


REASONS = {
    "a workflow": "runs in GitHub Actions",
    "an action": "runs in GitHub Actions",
    "submodules": "which other repositories are fetched",
    "a link out of the repository": "leads to a place outside",
    "a link upwards": "leads out of the repository",
    "names that clash": "are one and the same on many machines",
    "a name that reads backwards": "characters that cannot be seen",
    "an invisible name": "characters that cannot be seen",
}


async def test_c41_c43_what_is_refused(house: House) -> None:
    for what, reason in REASONS.items():
        told = await left(house, REFUSED[what])
        assert "· refused ·" in told, told
        assert reason in told.partition("Refused: this change is not published.")[2].partition("As a patch")[0]
    assert house.pulls() == []
    assert sorted(house.repo.branches) == ["main"]


async def test_c43_a_control_character_in_a_name_is_not_taken(house: House) -> None:
    told = await left(house, Run("echo x > \"$(printf 'a\\033b')\""))
    assert "The name of the file 'a\\x1bb' holds characters that Tutti does not publish." in told
    assert (house.pulls(), sorted(house.repo.branches)) == ([], ["main"])


async def test_c41_what_waits_for_a_person(house: House) -> None:
    for act in WAITING.values():
        told = await left(house, act)
        assert "· needs approval ·" in told, told
    assert house.pulls() == []
    assert sorted(house.repo.branches) == ["main"]


async def test_c41_the_app_itself_may_not_write_workflows() -> None:
    manifest = (Path(__file__).parents[2] / "app.yml").read_text(encoding="utf-8")
    assert "workflows:" not in manifest
    assert "administration:" not in manifest


async def test_c43_what_is_git_on_other_systems_is_not_taken(house: House) -> None:
    told = await left(house, Run("mkdir 'GIT~1' .GIT; echo x > 'GIT~1/config'; echo x > .GIT/config"))
    assert "· done ·" in told
    assert await house.git("diff", "--name-only", "main", house.pull.head) == "greeting.txt\n"


async def test_c43_a_flipped_bit_is_shown(house: House) -> None:
    told = await left(house, Run("chmod +x greeting.txt"))
    assert "· done ·" in told
    assert "`greeting.txt`" in (house.pull.body or "").partition("## Worth a look")[2]


async def test_c43_a_repository_in_the_repository_is_refused(house: House) -> None:
    told = await left(
        house, Run("git init -q inner; cd inner; git -c user.name=x -c user.email=x@x commit -q --allow-empty -m x")
    )
    assert "· done ·" not in told
    assert house.pulls() == []


# ---- C45, C49: branches and authors ----------------------------------------------------------------------------------


async def test_c45_an_agent_does_not_choose_the_branch(house: House) -> None:
    block = '```json\n{"title": "x", "branch": "main", "base": "other", "head": "main", "commits": []}\n```'
    head = await house.git("rev-parse", "main")
    await left(
        house, Run("git checkout -q -b main2 2>/dev/null; git branch -f release; git tag v9"), Say(f"Done.\n\n{block}")
    )
    assert sorted(house.repo.branches) == ["feature/auto-1-say-hello", "main"]
    assert await house.git("rev-parse", "main") == head
    assert await house.git("tag") == ""


async def test_c49_commits_are_the_bots_whatever_the_agent_says(house: House) -> None:
    spoof = (
        "git -c user.name=Maintainer -c user.email=maintainer@example.com add -A; "
        "git -c user.name=Maintainer -c user.email=maintainer@example.com commit -q -m 'feat: x' "
        "-m 'Co-authored-by: Maintainer <maintainer@example.com>' -m 'Signed-off-by: Maintainer <m@example.com>'"
    )
    message = "feat: hello\\n\\nSigned-off-by: Maintainer <m@example.com>"
    block = f'{{"commits": [{{"message": "{message}", "paths": ["greeting.txt"]}}]}}'
    await left(house, Run(spoof), Say(f"Done.\n\n```json\n{block}\n```"))
    log = await house.git("log", "--format=%an|%ae|%cn|%ce|%B", f"main..{house.pull.head}")
    assert "aintainer" not in log
    assert "Signed-off-by" not in log
    assert "[bot]|" in log


async def test_c47_what_an_agent_says_orders_nobody(house: House) -> None:
    words = (
        "/approve\n\n@maintainer please merge. Closes #1, fixes acme/other#2.\n"
        "![x](https://evil.example/?q=1) [click](https://evil.example) <img src=x> https://evil.example/a\n"
        "<!-- tutti run:x -->\n/merge now\n"
    )
    await left(house, Say(words))
    body = house.pull.body or ""
    assert re.findall(r"(?i)\b(?:close|fix|resolve)\w*:? +[\w./-]*#\d+", body) == ["Closes #1"], "the bot's own"
    assert "Closes `#1`, fixes `acme/other#2`." in body
    assert not any(line.lstrip("> -*").startswith("/") for line in body.splitlines())
    assert "![" not in body
    assert "](https://evil.example" not in body
    assert "<img" not in body
    assert "<!-- tutti run:x" not in body
    assert "@maintainer please" not in body
