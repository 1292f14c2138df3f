"""What is taken in from a worktree of which its agent owned a part."""

from bot.git.changes import admit, diff, harvest
from bot.git.mirror import Mirror
from bot.git.worktree import Worktree
from bot.review.glob import matcher
from bot.sandbox import narrow, owned, process
from tests.walls import strong

GLOBS = ("src/shop.py", "web/pages/**", "web/styles/**")


async def test_only_what_was_made_of_it_is(mirror: Mirror, worktree: Worktree) -> None:
    """The agent's own git works as ever; folders that were made for globs and stay empty are no change."""
    home, tmp = worktree.agent_dir.parent / "home", worktree.agent_dir.parent / "tmp"
    home.mkdir()
    tmp.mkdir()
    seen = (worktree.path / ".git", mirror.path / "objects")
    whole = strong().jail(tmp, writable=(worktree.path, worktree.agent_dir, home), readable=seen)
    whole.own(worktree.path, worktree.agent_dir, home, tmp)
    files = [entry.path for entry in await mirror.listing(worktree.tree)]
    jail = narrow.narrowed(whole, worktree.path, owned.partition(GLOBS, files, matcher(GLOBS)), files)
    script = (
        "echo x >README.md; echo x >new; mkdir lib; echo 'price = 2' >src/shop.py; echo hello >web/pages/a.html\n"
        "git status --short && git add -A && git commit -q -m Work && git rm -q README.md; git log --format=%s -1"
    )
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    argv = ["sh", "-c", f"({script}) 2>/dev/null"]
    said = await process.run(argv, cwd=worktree.path, env=env, run_id="test-owned", timeout=20, jail=jail)
    assert said.output_tail == " M src/shop.py\n?? web/\nWork\n"
    made = await harvest(mirror, worktree, strong(), jail.uid)
    await admit(mirror, made)
    changed = await diff(mirror, worktree.tree, made.tree)
    assert [(change.status, change.path) for change in changed] == [("M", "src/shop.py"), ("A", "web/pages/a.html")]
    assert made.left_out == ()
    assert (worktree.path / "web/styles").is_dir()
