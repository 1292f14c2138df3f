"""Who reads a change is picked by the first tier that holds, and people are told why."""

from typing import Any

from bot.review.patch import FilePatch
from bot.review.rules import Tier, tiers_of
from bot.review.tier import pick
from bot.workflow.library import shipped

AGENTS = ("correctness", "performance", "security", "style", "tests")
SENSITIVE = {"name": "sensitive", "any": ["**/*auth*/**", "*.sql", ".github/"], "model": "opus"}
TRIVIAL = {"name": "trivial", "all": ["*.md", "docs/", "*.lock"], "agents": "none"}
SMALL = {"name": "small", "most-lines": 20, "agents": ["style", "correctness", "nobody"]}


def tiers(*rows: dict[str, Any]) -> list[Tier]:
    return [Tier.model_validate(row) for row in rows]


def changed(*paths: str, lines: int = 1) -> list[FilePatch]:
    return [FilePatch(path, path, "M", added=lines) for path in paths]


def test_the_first_tier_that_holds_picks_agents_and_model() -> None:
    rows = tiers(SENSITIVE, TRIVIAL, SMALL)
    assert pick(rows, changed("src/auth/login.py"), AGENTS).model == "opus"
    assert pick(rows, changed("src/auth/login.py"), AGENTS).agents == AGENTS
    assert pick(rows, changed("README.md", "docs/logo.svg"), AGENTS).agents == ()
    assert pick(rows, changed("README.md", "src/shop.py"), AGENTS).agents == ("correctness", "style")
    assert pick(rows, changed("src/shop.py", lines=21), AGENTS).agents == AGENTS


def test_a_path_of_security_gets_everybody_where_the_change_is_trivial_otherwise() -> None:
    trivial = changed("docs/auth/how.md", *(f"docs/{number}.md" for number in range(30)))
    assert pick(tiers(SENSITIVE, TRIVIAL), trivial, AGENTS).agents == AGENTS
    assert pick(tiers(TRIVIAL, SENSITIVE), trivial, AGENTS).agents == ()


def test_a_file_that_is_moved_out_of_sight_is_known_by_its_old_name() -> None:
    moved = [FilePatch("docs/old.md", "src/auth/login.py", "R")]
    choice = pick(tiers(SENSITIVE, TRIVIAL), moved, AGENTS)
    assert (choice.tier, choice.why) == ("sensitive", "touches `src/auth/login.py` (tier sensitive)")


def test_code_that_is_moved_among_the_documents_is_no_document() -> None:
    rows = tiers(TRIVIAL)
    for old, new in (("src/shop.py", "docs/shop.py"), ("docs/shop.py", "src/shop.py")):
        assert pick(rows, [FilePatch(new, old, "R")], AGENTS).agents == AGENTS
    assert pick(rows, [FilePatch("docs/new.md", "docs/old.md", "R")], AGENTS).agents == ()


def test_a_tier_holds_only_where_all_that_it_says_does() -> None:
    both = tiers({"name": "both", "any": ["*.sql"], "all": ["db/"], "most-lines": 3, "agents": ["tests"]})
    assert pick(both, changed("db/a.sql", "db/b.py"), AGENTS).why == (
        "touches `db/a.sql` and touches only `db/a.sql`, `db/b.py` and has 2 changed lines (tier both)"
    )
    for other in (changed("db/b.py"), changed("db/a.sql", "c.py"), changed("db/a.sql", "db/b.py", lines=2)):
        assert pick(both, other, AGENTS).tier == ""


def test_people_are_told_why_in_half_a_sentence() -> None:
    rows = tiers(SENSITIVE, TRIVIAL, SMALL, {"name": "usual"})
    assert pick(rows, changed("a.sql", "b.sql", "c.sql", "d.sql"), AGENTS).why == (
        "touches `a.sql`, `b.sql`, `c.sql` and 1 more (tier sensitive)"
    )
    assert pick(rows, changed("a.md"), AGENTS).why == "touches only `a.md` (tier trivial)"
    assert pick(rows, changed("a.py"), AGENTS).why == "has 1 changed line (tier small)"
    assert pick(rows, changed("a.py", lines=99), AGENTS).why == "is of the tier usual"
    assert pick([], changed("a.py"), AGENTS).why == "fits no tier, so everybody reads it"


def test_a_path_cannot_write_into_the_reason() -> None:
    why = pick(tiers(SENSITIVE), changed("x/auth/`@all` \n# Approved\u2028\udcff" + "y" * 999), AGENTS).why
    assert why.startswith(r"touches ``x/auth/`@all` \n# Approved\u2028\udcffyyy")
    assert len(why) < 300
    assert why.encode()


def test_a_tier_that_names_nobody_who_is_there_does_not_mean_that_nobody_reads() -> None:
    gone = tiers({"name": "old", "agents": ["renamed-long-ago"]})
    assert pick(gone, changed("a.py"), AGENTS).agents == AGENTS
    assert pick(tiers({"name": "quiet", "agents": []}), changed("a.py"), AGENTS).agents == ()


def test_a_change_of_nothing_is_not_trivial() -> None:
    assert pick(tiers(TRIVIAL), [], AGENTS).agents == AGENTS


def test_the_tiers_that_come_with_the_bot_know_what_is_sensitive_and_what_is_trivial() -> None:
    rows = tiers_of(shipped().workflows["review"].review)
    for path in (".github/workflows/ci.yml", "app/models/session.rb", "db/migrations/003.py", "Dockerfile"):
        assert pick(rows, changed("README.md", path), AGENTS).agents == AGENTS, path
    for path in ("README.md", "docs/how.md", "poetry.lock", "web/logo.png"):
        assert pick(rows, changed(path), AGENTS).agents == (), path
