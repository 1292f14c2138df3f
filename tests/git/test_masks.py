"""An agent reads the settings of a trusted commit, whatever stands on the branch it works on."""

from pathlib import Path

import pytest

from bot.git.command import Transport
from bot.git.masks import masked, unmasked
from bot.git.mirror import Mirror
from bot.policy.protected import is_agent_file
from tests.git.stage import sh

TRUSTED = {
    "CLAUDE.md": "Ours.\n",
    ".claude/settings.json": "{}\n",
    "docs/guide.md": "Our guide.\n",
    "README.md": "# Shop\n",
}


@pytest.fixture
async def mirror(tmp_path: Path) -> Mirror:
    """An empty mirror."""
    sh("git", "init", "-q", "--bare", "mirror.git", cwd=tmp_path)
    return Mirror(tmp_path / "mirror.git", "acme/shop", "", "file", Transport())


Files = dict[str, str | tuple[str, str]]


async def tree(mirror: Mirror, files: Files) -> str:
    """A tree of files: texts, or modes with texts."""
    lines = []
    for path, content in files.items():
        mode, text = content if isinstance(content, tuple) else ("100644", content)
        oid = (await mirror.git("hash-object", "-w", "--stdin", stdin=text.encode())).decode().strip()
        lines.append(f"{mode} {oid}\t{path}\0")
    index = mirror.path / "index-of-the-test"
    await mirror.git("read-tree", "--empty", index=index)
    await mirror.git("update-index", "-z", "--index-info", index=index, stdin="".join(lines).encode())
    return (await mirror.git("write-tree", index=index)).decode().strip()


async def files(mirror: Mirror, of: str) -> Files:
    found: Files = {}
    for entry in await mirror.listing(of):
        text = (await mirror.blobs([entry.oid]))[entry.oid].decode()
        found[entry.path] = text if entry.mode == "100644" else (entry.mode, text)
    return found


async def given(mirror: Mirror, branch: Files, trusted: Files | None = None) -> Files:
    """What the agent gets of a branch."""
    ours = await tree(mirror, {**TRUSTED} if trusted is None else trusted)
    return await files(mirror, await masked(mirror, await tree(mirror, branch), ours, is_agent_file))


async def test_a_branch_that_leaves_them_alone_is_given_as_it_is(mirror: Mirror) -> None:
    branch = await tree(mirror, {**TRUSTED, "src/new.py": "1\n"})
    assert await masked(mirror, branch, await tree(mirror, {**TRUSTED}), is_agent_file) == branch


async def test_changed_added_and_deleted_settings_are_those_of_the_trusted_commit(mirror: Mirror) -> None:
    branch: Files = {
        "CLAUDE.md": "Theirs.\n",
        ".mcp.json": "{}\n",
        ".claude/hooks/evil.sh": ("100755", "evil\n"),
        "lib/AGENTS.md": "Theirs, too.\n",
        "README.md": "# Changed\n",
        "docs/guide.md": "Our guide.\n",
    }
    assert await given(mirror, branch) == {**TRUSTED, "README.md": "# Changed\n"}


@pytest.mark.parametrize("mode", ["120000", "100755"])
async def test_a_link_or_another_mode_in_their_place_is_no_way_around(mirror: Mirror, mode: str) -> None:
    branch: Files = {**TRUSTED, "CLAUDE.md": (mode, "evil.md"), "evil.md": "evil\n"}
    assert await given(mirror, branch) == {**TRUSTED, "evil.md": "evil\n"}


async def test_a_link_in_the_place_of_their_folder_is_none_either(mirror: Mirror) -> None:
    branch: Files = {"CLAUDE.md": "Ours.\n", ".claude": ("120000", "evil"), "evil/settings.json": "evil\n"}
    seen = await given(mirror, branch)
    assert seen[".claude/settings.json"] == "{}\n"
    assert ".claude" not in seen


@pytest.mark.parametrize("links", [{".github": "evil"}, {".github": "way", "way": "evil"}])
async def test_a_link_to_a_folder_of_theirs_makes_no_settings_of_what_is_in_it(
    mirror: Mirror, links: dict[str, str]
) -> None:
    others: Files = {path: ("120000", target) for path, target in links.items()}
    branch: Files = {**TRUSTED, **others, "evil/copilot-instructions.md": "evil\n", "evil/else.md": "x\n"}
    assert await given(mirror, branch) == {**TRUSTED, **others, "evil/else.md": "x\n"}
    assert await back(mirror, branch, {**TRUSTED, **others, "evil/else.md": "x\n"}) == branch


async def test_a_link_that_leads_to_itself_ends_nothing(mirror: Mirror) -> None:
    branch: Files = {**TRUSTED, "x": ("120000", "."), "y": ("120000", "x/y"), "CLAUDE.md": "Theirs.\n"}
    assert await given(mirror, branch) == {**branch, "CLAUDE.md": "Ours.\n"}


async def test_a_trusted_link_does_not_lead_to_a_text_of_the_branch(mirror: Mirror) -> None:
    ours: Files = {"AGENTS.md": ("120000", "docs/guide.md"), "docs/guide.md": "Our guide.\n"}
    assert await given(mirror, {**ours, "docs/guide.md": "Theirs.\n"}, ours) == {
        "AGENTS.md": "Our guide.\n",
        "docs/guide.md": "Theirs.\n",
    }
    assert await given(mirror, ours, ours) == ours


async def test_a_trusted_link_to_another_setting_stays_a_link(mirror: Mirror) -> None:
    ours: Files = {"AGENTS.md": ("120000", "CLAUDE.md"), "CLAUDE.md": "Ours.\n"}
    assert await given(mirror, {"CLAUDE.md": "Theirs.\n"}, ours) == ours


@pytest.mark.parametrize("target", ["../outside", "AGENTS.md", "nowhere.md", "docs"])
async def test_a_trusted_link_to_nothing_certain_is_left_out(mirror: Mirror, target: str) -> None:
    ours: Files = {"AGENTS.md": ("120000", target), "docs/guide.md": "Our guide.\n"}
    assert await given(mirror, {"docs/guide.md": "Theirs.\n"}, ours) == {"docs/guide.md": "Theirs.\n"}


async def test_a_file_of_the_branch_in_the_way_of_their_folder_stays(mirror: Mirror) -> None:
    ours: Files = {".github/copilot-instructions.md": "Ours.\n"}
    assert await given(mirror, {".github": "a file\n"}, ours) == {".github": "a file\n"}


async def back(mirror: Mirror, branch: Files, made: Files) -> Files:
    """What becomes of the branch when an agent made this of what it was given."""
    original = await tree(mirror, branch)
    mask = await masked(mirror, original, await tree(mirror, {**TRUSTED}), is_agent_file)
    return await files(mirror, await unmasked(mirror, await tree(mirror, made), mask, original))


async def test_the_branch_keeps_its_own_settings_where_the_agent_left_them_alone(mirror: Mirror) -> None:
    branch: Files = {**TRUSTED, "CLAUDE.md": "Theirs.\n", ".mcp.json": "{}\n"}
    del branch[".claude/settings.json"]
    made: Files = {**TRUSTED, "src/new.py": "1\n"}
    assert await back(mirror, branch, made) == {**branch, "src/new.py": "1\n"}


async def test_what_the_agent_changed_of_them_stays_as_it_made_it(mirror: Mirror) -> None:
    branch: Files = {**TRUSTED, "CLAUDE.md": "Theirs.\n", ".mcp.json": "{}\n"}
    made: Files = {"CLAUDE.md": "The agent's.\n", ".mcp.json": "mine\n", "README.md": "# Shop\n"}
    assert await back(mirror, branch, made) == {
        "CLAUDE.md": "The agent's.\n",
        ".mcp.json": "mine\n",
        "README.md": "# Shop\n",
    }


async def test_a_file_of_the_agent_in_the_way_is_not_overwritten(mirror: Mirror) -> None:
    branch: Files = {"README.md": "# Shop\n", ".cursor/rules/x.md": "theirs\n"}
    made: Files = {**TRUSTED, ".cursor": "a file of the agent\n"}
    assert (await back(mirror, branch, made))[".cursor"] == "a file of the agent\n"


async def test_without_a_mask_what_was_made_is_what_was_made(mirror: Mirror) -> None:
    made = await tree(mirror, {**TRUSTED, "src/new.py": "1\n"})
    ours = await tree(mirror, {**TRUSTED})
    assert await unmasked(mirror, made, ours, ours) == made
