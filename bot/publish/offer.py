"""What is to be published of a run: its work, the change that it is, what goes with it in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import template
from bot.agents import answer, composition
from bot.agents.job import Product
from bot.git.changes import Change
from bot.github.harmless import plain
from bot.policy.finding import Finding
from bot.publish import parts_text
from bot.publish.body import Story, Tested
from bot.publish.ground import Ground
from bot.publish.subject import event_of, issue_of
from bot.store.parts import Held
from bot.store.runs import Run
from bot.workflow.spec import Workflow

HINDERING = ("refuse", "approve")
FIX_LABELS = frozenset({"bug", "fix", "regression", "defect"})


@dataclass(frozen=True)
class Offer:
    """The product of a run, and the change it is, read from git objects. `findings` are what the policies say of it.

    Where it is too much for one pull request, each of them is an offer of its own: the `number`th of `total`, which
    goes to `place`.
    """

    run: Run
    workflow: Workflow
    ground: Ground
    product: Product
    said: answer.Answer
    title: str
    changed: Sequence[Change]
    findings: Sequence[Finding] = ()
    number: int = 1
    total: int = 1
    place: Held | None = None

    @property
    def idle(self) -> bool:
        """Whether it is a pull request that the run leaves as it is."""
        return self.place is not None and self.place.pull is not None and not self.changed

    @property
    def complete(self) -> bool:
        return self.product.state == "done"

    @property
    def draft(self) -> bool:
        """Whether a person has to say that it is ready: it is not complete, or it touches the tests' own strictness."""
        return self.ground.draft or not self.complete or bool(self.of("draft"))

    @property
    def theirs(self) -> bool:
        """Whether it goes to the branch of a pull request that people opened."""
        return self.workflow.outputs.commits is not None

    @property
    def headline(self) -> str:
        return self.title if self.total == 1 else parts_text.numbered(self.title, self.number, self.total)

    @property
    def closes(self) -> int:
        """The issue that is closed once it is merged; 0: none, for more of it is to come, or in other pull requests."""
        return issue_of(self.run).number if self.complete and self.product.whole and self.total == 1 else 0

    def of(self, level: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == level]

    def words(self) -> dict[str, str]:
        """What would be published beside the files, by place."""
        messages = "\n".join(message for message, _ in self.groups())
        own = {"title": self.headline, "summary": self.said.summary, "commit messages": messages}
        return {**own, "branch": self.ground.branch}

    def groups(self) -> list[tuple[str, list[str]]]:
        """(message, paths) of each commit."""
        labels = {label.lower() for label in issue_of(self.run).labels}
        mends = self.theirs or self.workflow.worktrees == "hot-fix"
        fix, paths = mends or bool(FIX_LABELS & labels), [change.path for change in self.changed]
        made = composition.commits(self.product.parts, self.said, agent_of(self.workflow), paths, self.title, fix=fix)
        named = self.ground.custom.co_authors
        return [(commit.message(co_authors=named), list(commit.paths)) for commit in made]

    def part(self, product: Product, ground: Ground, changed: Sequence[Change], **place: Any) -> "Offer":
        """The part of it that is a pull request of its own; `place` is where it goes: `number`, `total`, `place`."""
        said = answer.read(product.words)
        return replace(self, product=product, ground=ground, said=said, changed=changed, **place)

    def story(self, page: str, others: Sequence[int] = ()) -> Story:
        """What its pull request tells; `others` are those of the same run, as far as they are open."""
        verdict, issue = self.product.verdict, issue_of(self.run)
        tested = Tested(verdict.about, verdict.passed, self.product.attempt, verdict.seconds, verdict.output)
        return Story(
            issue=issue.number,
            issue_title=issue.title,
            author=issue.author.login,
            asker=event_of(self.run).actor.login,
            summary=self.said.summary or answer.made_up_summary(self.changed),
            sections=composition.sections(self.product.parts),
            tested=tested,
            test_files=[c.path for c in self.changed if c.status != "D" and answer.concern(c.path) == "test"],
            complete=self.complete,
            whole=self.product.whole,
            reason=self.product.reason,
            page=page,
            template=self.ground.template,
            wanted=[finding.sentence for finding in self.of("draft")],
            noted=[finding.sentence for finding in self.of("flag")],
            approved=[finding.sentence for finding in self.of("approve")],
            approver=self.run.context.get("approves", {}).get("by", ""),
            number=self.number,
            total=self.total,
            others=others,
        )


def agent_of(workflow: Workflow) -> str:
    """The agent of a workflow of one job."""
    return next((job.agent for job in workflow.jobs.values()), "")


def titled(run: Run, workflow: Workflow, said: answer.Answer) -> str:
    """The title of a run's pull request, as its workflow wants it."""
    issue = issue_of(run)
    change = {"title": answer.title(said, issue.title)}
    names = {
        "issue": {"title": plain(issue.title), "number": issue.number},
        "change": change,
        "repo": {"name": run.repo},
    }
    return plain(template.render(workflow.opens.title, names))
