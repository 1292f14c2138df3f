"""Paths that are more than files: owned ones, protected ones, install scripts, git's attributes."""

import pytest

from bot.policy.protected import AGENT_FILES, is_agent_file, rule_for
from tests.policy.made import file, found, levels, work

PATHS = {
    ".github/workflows/ci.yml": "refuse",
    ".GitHub/Workflows/CI.yml": "refuse",
    ".github/workflows": "refuse",
    ".github/actions/x/action.yml": "refuse",
    ".github/x/action.yaml": "refuse",
    ".gitmodules": "refuse",
    "CODEOWNERS": "approve",
    "docs/CODEOWNERS": "approve",
    ".github/CODEOWNERS": "approve",
    "src/CODEOWNERS": "",
    ".github/dependabot.yml": "approve",
    "renovate.json5": "approve",
    ".github/tutti.yml": "approve",
    ".github/tutti/workflows/a.yml": "approve",
    "CLAUDE.md": "approve",
    "claude.MD": "approve",
    "packages/a/AGENTS.md": "approve",
    "a/.claude/settings.json": "approve",
    ".claude": "approve",
    ".mcp.json": "approve",
    ".cursor/rules/a.mdc": "approve",
    ".aider.conf.yml": "approve",
    ".github/copilot-instructions.md": "approve",
    ".github/prompts/a.prompt.md": "approve",
    "new\nline/.claude/settings.json": "approve",
    ".vscode/tasks.json": "approve",
    ".devcontainer/devcontainer.json": "approve",
    ".envrc": "approve",
    ".husky/pre-commit": "approve",
    ".pre-commit-config.yaml": "approve",
    ".gitlab-ci.yml": "approve",
    ".circleci/config.yml": "approve",
    "Jenkinsfile": "approve",
    ".npmrc": "approve",
    "packages/a/.yarnrc.yml": "approve",
    ".cargo/config.toml": "approve",
    "src/evil.pth": "approve",
    "action.yml": "approve",
    "deploy/Action.yaml": "approve",
    ".github/action.yml": "refuse",
    ".lfsconfig": "approve",
    ".mergify.yml": "approve",
    ".github/mergify.yml": "approve",
    ".github/settings.yml": "approve",
    ".kodiak.toml": "approve",
    "bors.toml": "approve",
    "pkg/OWNERS": "approve",
    "app/owners/list.py": "",
    ".coderabbit.yaml": "approve",
    ".pr_agent.toml": "approve",
    ".git-hooks/pre-commit": "approve",
    "web/.yarn/releases/yarn-4.cjs": "approve",
    "AGENT\u017f.md": "approve",
    ".github/workflow\u017f/x.yml": "refuse",
    "Dockerfile": "flag",
    "Makefile": "flag",
    "web/package-lock.json": "flag",
    "uv.lock": "flag",
    ".github/ISSUE_TEMPLATE/bug.yml": "flag",
    "src/main.py": "",
    "docs/claude.html": "",
    "src/compose.py": "",
    "x/.github/workflows/ci.yml": "",
    "package.json": "",
}


@pytest.mark.parametrize(("path", "level"), PATHS.items())
def test_a_protected_file_has_its_level(path: str, level: str) -> None:
    rule = rule_for(path)
    assert (rule.level if rule else "") == level


def test_the_sentence_says_what_happens_and_why_it_matters() -> None:
    changed = work(file(".github/workflows/ci.yml", None, "on: push\n"), file("AGENTS.md", "new"))
    assert found(changed, "protected files") == [
        ("approve", "It adds `AGENTS.md`, which tells coding agents what to do."),
        (
            "refuse",
            "It deletes `.github/workflows/ci.yml`, which runs in GitHub Actions, with the repository's secrets.",
        ),
    ]


def test_the_files_of_agents_are_those_of_the_list() -> None:
    assert all(is_agent_file(glob.strip("/").replace("*", "x")) for glob in AGENT_FILES)
    assert not is_agent_file("Makefile")
    assert not is_agent_file(".github/tutti.yml")


# ---- owned paths -----------------------------------------------------------------------------------------------------


def test_a_job_changes_what_it_owns() -> None:
    changed = [file("src/a/b.py"), file("docs/x.md")]
    assert found(work(*changed), "owned paths") == []
    assert found(work(*changed, owns=("src/**", "*.md")), "owned paths") == []
    assert found(work(*changed, owns=("*", "!docs/**")), "owned paths") == [
        ("refuse", "`docs/x.md` lies outside of what this job may change: `*`, `!docs/**`.")
    ]


def test_what_lies_outside_is_listed_and_the_list_ends() -> None:
    changed = [file(f"deploy/{n:02}.yml") for n in range(32)]
    ((level, sentence),) = found(work(*changed, owns=("src/**",)), "owned paths")
    assert level == "refuse"
    assert sentence.startswith("`deploy/00.yml`, `deploy/01.yml`")
    assert sentence.endswith("`deploy/19.yml` and 12 more lie outside of what this job may change: `src/**`.")


def test_globs_that_are_none_own_nothing() -> None:
    assert levels(work(file("src/a.py"), owns=("!",)), "owned paths") == ["refuse"]


def test_what_runs_of_a_repository_may_change_holds_besides() -> None:
    changed = [file("src/a.py"), file("docs/x.md"), file("b.md")]
    assert found(work(*changed, owns=("src/", "docs/"), allowed=("*.md",)), "owned paths") == [
        ("refuse", "`b.md` lies outside of what this job may change: `src/`, `docs/`."),
        ("refuse", "`src/a.py` lies outside of what runs of this repository may change by its configuration: `*.md`."),
    ]
    assert found(work(*changed, allowed=("*",)), "owned paths") == []


HOSTILE = "*a" * 12 + "*b"


def test_a_glob_that_was_made_to_be_tried_in_every_way_is_done_with_in_no_time() -> None:
    change = work(file("a" * 2_000), owns=("src/", "!x", HOSTILE), allowed=("*", f"!{HOSTILE}"), protected=(HOSTILE,))
    assert levels(change, "owned paths") == ["refuse"]
    assert levels(change, "protected files") == []
    hit = work(file("a" * 20 + "b"), owns=(HOSTILE,), protected=("src/", HOSTILE))
    assert levels(hit, "owned paths") == []
    ((_, sentence),) = found(hit, "protected files")
    assert f"protects (`{HOSTILE}`)" in sentence


# ---- what a repository protects itself -------------------------------------------------------------------------------

GUARDED = ("infra/", "/Deploy/*.sh", "*.sql", "!seed.sql")


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("infra/main.tf", "infra/"),
        ("INFRA/a/b.tf", "infra/"),
        ("infra", "infra/"),
        ("deploy/up.SH", "/Deploy/*.sh"),
        ("a/deploy/up.sh", ""),
        ("db/one.sql", "*.sql"),
        ("db/seed.sql", ""),
        ("src/a.py", ""),
        ("Makefile", ""),
    ],
)
def test_what_a_repository_protects_needs_approval(path: str, by: str) -> None:
    said = [sentence for level, sentence in found(work(file(path), protected=GUARDED)) if level == "approve"]
    reason = f"It adds `{path}`, which this repository's configuration protects (`{by}`)."
    assert said == [reason] * bool(by)


def test_the_stricter_word_on_a_file_counts() -> None:
    changed = [file(path) for path in (".github/workflows/ci.yml", "CODEOWNERS", "Makefile")]
    assert found(work(*changed, protected=("*",)), "protected files") == [
        ("approve", "It adds `CODEOWNERS`, which says whose word changes need."),
        ("approve", "It adds `Makefile`, which this repository's configuration protects (`*`)."),
        ("refuse", "It adds `.github/workflows/ci.yml`, which runs in GitHub Actions, with the repository's secrets."),
    ]


# ---- install scripts -------------------------------------------------------------------------------------------------

PACKAGES = {
    "only a version": ("package.json", '{"version": "1"}', '{"version": "2"}', []),
    "a test script": ("package.json", '{"scripts": {"test": "a"}}', '{"scripts": {"test": "b"}}', []),
    "a hook": ("package.json", '{"scripts": {}}', '{"scripts": {"postinstall": "node x"}}', ["approve"]),
    "a hook, gone": ("package.json", '{"scripts": {"prepare": "x"}}', "{}", []),
    "a new file": ("package.json", None, '{"scripts": {"prepare": "x"}}', ["approve"]),
    "no JSON": ("package.json", "{}", "[" * 5000, ["approve"]),
    "scripts of another shape": ("package.json", "[]", '{"scripts": ["postinstall"]}', []),
    "composer": ("composer.json", "{}", '{"scripts": {"post-install-cmd": "x"}}', ["approve"]),
    "a dependency": ("pyproject.toml", "[project]\n", '[project]\ndependencies = ["a"]\n', []),
    "a builder": ("pyproject.toml", "", '[build-system]\nbackend-path = ["."]\n', ["approve"]),
    "a new package": ("pyproject.toml", None, '[build-system]\nrequires = ["setuptools"]\n', []),
    "a new package that builds itself": ("pyproject.toml", None, '[build-system]\nbackend-path=["."]\n', ["approve"]),
    "data in setup.py": ("setup.py", "setup(\n  version='1',\n)\n", "setup(\n  version='2',\n)\n", ["flag"]),
    "code in setup.py": ("setup.py", "setup()\n", "import os\nsetup()\n", ["approve"]),
    "what is run in setup.py": ("setup.py", "exec(\n'a'\n)\n", "exec(\n'b'\n)\n", ["approve"]),
    "deleted": ("package.json", '{"scripts": {"prepare": "x"}}', None, []),
}


@pytest.mark.parametrize(("path", "old", "new", "level"), PACKAGES.values(), ids=PACKAGES)
def test_what_runs_at_installation_needs_approval(
    path: str, old: str | None, new: str | None, level: list[str]
) -> None:
    assert levels(work(file(path, new, old)), "install scripts") == level


def test_the_scripts_are_named() -> None:
    changed = file("web/package.json", '{"scripts": {"prepare": "x", "postinstall": "y"}}', "{}")
    assert found(work(changed), "install scripts") == [
        (
            "approve",
            "It changes `postinstall` and `prepare` among the scripts of `web/package.json`, "
            "which run on every machine that installs the package.",
        )
    ]


# ---- attributes ------------------------------------------------------------------------------------------------------

ATTRIBUTES = {
    "*.psd filter=evil\n": ["approve"],
    "*.c diff=x\n": ["approve"],
    "*.psd filter=lfs diff=lfs merge=lfs -text\n": ["flag"],
    "src/** linguist-generated\n": ["flag"],
    "src/** linguist-generated=false\n": [],
    "*.sh text eol=lf\n": [],
}


@pytest.mark.parametrize(("line", "level"), ATTRIBUTES.items())
def test_attributes_that_run_programs_or_hide_changes(line: str, level: list[str]) -> None:
    assert levels(work(file("a/.gitattributes", line)), "git attributes") == level
    assert levels(work(file(".gitattributes", f"{line}* text\n", line)), "git attributes") == []
