"""The paths that are more than files: what runs by itself, decides over others, or tells agents what to do.

Globs are those of .gitignore: without a slash before their end they are meant at any depth. Letters' case does not
count, for on many people's machines it does not.
"""

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from bot.policy.content import names
from bot.policy.finding import Level
from bot.policy.gitname import folded

AGENT_FILES = names(
    """
    CLAUDE.md CLAUDE.local.md AGENTS.md AGENTS.override.md AGENT.md GEMINI.md QWEN.md CRUSH.md WARP.md .claude/
    .claude.json .mcp.json .cursor/ .cursorrules .cursorignore .codex/ .gemini/ .geminiignore .qwen/ .opencode/
    opencode.json opencode.jsonc .crush.json crush.json .aider* .windsurf/ .windsurfrules .cline/ .clinerules
    .clineignore .roo/ .roorules* .roomodes .kilocode/ .continue/ .continuerc.json .kiro/ .junie/ .amazonq/
    .augment/ .augment-guidelines .trae/ .factory/ .goosehints .agents/ .agent/ /.rules
    .github/copilot-instructions.md .github/instructions/ .github/prompts/ .github/chatmodes/ .github/agents/
    .github/skills/ .github/hooks/
    """
)
"""Instructions and settings of coding agents; Tutti's own are not among them (`.github/tutti/` is read elsewhere)."""

_AT_ONCE = names(
    """
    .envrc .husky/ .githooks/ .git-hooks/ .hooks/ .pre-commit-config.yaml .pre-commit-config.yml .lefthook/
    .lefthook*.yml lefthook*.yml lefthook*.yaml .lintstagedrc* .overcommit.yml .simple-git-hooks.* simple-git-hooks.*
    .mise.toml mise.toml .mise/
    """
)
_EDITORS = names(
    """
    .vscode/ .idea/ .devcontainer/ .devcontainer.json *.code-workspace .zed/ .fleet/ .vimrc .nvimrc .exrc .nvim.lua
    .dir-locals.el .gitpod.yml .idx/
    """
)
_OTHER_CI = names(
    """
    .gitlab-ci*.yml /.gitlab/ci/ .circleci/ azure-pipelines*.yml azure-pipelines*.yaml .azure-pipelines/
    Jenkinsfile* .buildkite/ bitbucket-pipelines.yml .travis.yml .drone.yml .drone.star .woodpecker/
    .woodpecker*.yml .woodpecker*.yaml appveyor.yml .appveyor.yml .semaphore/ .teamcity/ cloudbuild*.yaml
    cloudbuild*.yml .cirrus.yml .cirrus.star buildspec*.yml .forgejo/workflows/ .gitea/workflows/ codemagic.yaml
    bitrise.yml wercker.yml netlify.toml vercel.json render.yaml
    """
)
_MANAGERS = names(
    """
    .npmrc .yarnrc* **/.yarn/releases/ **/.yarn/plugins/ .pnpmfile.cjs pnpmfile.js bunfig.toml pip.conf pip.ini .pypirc
    uv.toml .condarc nuget.config .gemrc .bundle/ .cargo/ .netrc /auth.json .mvn/ gradle/wrapper/ gradlew
    gradlew.bat mvnw mvnw.cmd binding.gyp extconf.rb init.gradle .curlrc .wgetrc
    """
)
_MERGERS = names(
    """
    .mergify.yml .mergify/ /.github/mergify.yml .kodiak.toml /.github/.kodiak.toml bors.toml .bulldozer.yml .prow.yaml
    .coderabbit.yaml .coderabbit.yml .pr_agent.toml /.github/settings.yml
    """
)
_PYTHON_STARTS = names(
    """
    sitecustomize.py usercustomize.py *.pth
    """
)
_BUILDS = names(
    """
    Dockerfile* *.Dockerfile Containerfile* docker-compose*.yml docker-compose*.yaml compose*.yml compose*.yaml
    Makefile GNUmakefile *.mk justfile Taskfile.yml Taskfile.yaml build.rs build.gradle* settings.gradle* *.gemspec
    Rakefile noxfile.py CMakeLists.txt meson.build SConstruct /configure configure.ac Gruntfile.* gulpfile.*
    build.xml .bazelrc WORKSPACE MODULE.bazel pnpm-workspace.yaml Vagrantfile Earthfile Brewfile fly.toml Procfile
    .tool-versions
    """
)
_LOCKS = names(
    """
    package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock poetry.lock uv.lock
    pdm.lock pylock*.toml Pipfile.lock Cargo.lock go.sum Gemfile.lock composer.lock mix.lock pubspec.lock
    Podfile.lock Package.resolved flake.lock gradle.lockfile packages.lock.json conan.lock requirements*.lock
    conda-lock.yml .terraform.lock.hcl
    """
)


Globs = tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """`why` goes on from "the file"; `file`: a folder of such a name is an ordinary one."""

    level: Level
    globs: Globs
    why: str
    file: bool = False


RULES = (
    Rule(
        "refuse",
        ("/.github/workflows/", "/.github/actions/", "/.github/**/action.yml", "/.github/**/action.yaml"),
        "runs in GitHub Actions, with the repository's secrets",
    ),
    Rule("refuse", (".gitmodules",), "says which other repositories are fetched into this one"),
    Rule("approve", ("/CODEOWNERS", "/.github/CODEOWNERS", "/docs/CODEOWNERS"), "says whose word changes need"),
    Rule("approve", ("OWNERS", "OWNERS_ALIASES"), "says whose word changes need", file=True),
    Rule("approve", ("/.github/tutti.yml", "/.github/tutti.yaml", "/.github/tutti/"), "says what Tutti may do here"),
    Rule(
        "approve",
        ("/.github/dependabot.yml", "/.github/dependabot.yaml", "renovate.json*", ".renovaterc*", "/.github/renovate*"),
        "decides which updates a bot proposes",
    ),
    Rule("approve", ("action.yml", "action.yaml"), "is what others run when they use this as an action of GitHub"),
    Rule("approve", (".lfsconfig",), "says from where large files are fetched"),
    Rule("approve", _MERGERS, "decides what a bot may review, merge or change here"),
    Rule("approve", AGENT_FILES, "tells coding agents what to do"),
    Rule("approve", _OTHER_CI, "decides what a build service or a host runs"),
    Rule("approve", _AT_ONCE, "is run on developers' machines without being asked"),
    Rule("approve", _EDITORS, "is run by editors when the folder is opened"),
    Rule("approve", _MANAGERS, "decides what is fetched or run when packages are installed"),
    Rule("approve", _PYTHON_STARTS, "is run whenever Python starts"),
    Rule("flag", _BUILDS, "is run when the project is built"),
    Rule("flag", _LOCKS, "pins what is installed from elsewhere"),
    Rule("flag", ("/.github/",), "is read by GitHub"),
)
"""The first rule that fits a path counts."""


@dataclass(frozen=True)
class _Globs:
    """Those for a name at any depth, and those for a path from the top; in lower case."""

    name: re.Pattern[str]
    path: re.Pattern[str]


def _compiled(globs: Globs) -> _Globs:
    bare = [folded(glob).rstrip("/") for glob in globs]
    return _Globs(
        _any(fnmatch.translate(glob) for glob in bare if "/" not in glob),
        _any(_from_the_top(glob) for glob in bare if "/" in glob),
    )


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or "(?!)", re.DOTALL)


def _from_the_top(glob: str) -> str:
    """The library's pattern for a path, or for a folder that it lies in."""
    said = str(GitIgnoreSpecPattern.pattern_to_regex(glob)[0])
    return f"(?:{said.removeprefix('^').replace('(?P<ps_d>/)', '/')})"


_GLOBS = tuple(_compiled(rule.globs) for rule in RULES)
_AGENTS = RULES.index(next(rule for rule in RULES if rule.globs is AGENT_FILES))


def rule_for(path: str) -> Rule | None:
    """The rule for a path; None for ordinary files."""
    path = folded(path)
    parts = path.split("/")
    named = {index for part in {*parts[:-1]} for index in _named(part) if not RULES[index].file} | {*_named(parts[-1])}
    first = min(named, default=len(RULES))
    first = next((index for index, globs in enumerate(_GLOBS[:first]) if globs.path.match(path)), first)
    return RULES[first] if first < len(RULES) else None


def is_agent_file(path: str) -> bool:
    """Whether a path is one of AGENT_FILES."""
    path = folded(path)
    return any(_AGENTS in _named(part) for part in path.split("/")) or bool(_GLOBS[_AGENTS].path.match(path))


@lru_cache(maxsize=20_000)
def _named(part: str) -> tuple[int, ...]:
    """The rules that a file or a folder falls under by its name alone."""
    return tuple(index for index, globs in enumerate(_GLOBS) if globs.name.match(part))
