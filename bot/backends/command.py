"""Any command line as an agent: its argv from the agent file, the prompt on standard input or in a file.

The words `{prompt_file}`, `{worktree}` and `{model}` in the argv are replaced; with `{prompt_file}` in it, standard
input is empty. Its last words are what it prints; what it did is in the worktree.
"""

import tempfile
from pathlib import Path

from bot.agents.task import AgentEvent, Outcome, Task, Tell
from bot.sandbox import gateway, process

_PROMPT_FILE = "{prompt_file}"
_NO_PROGRAM = 127


class Command:
    """The backend for whatever command line a task brings."""

    name = "command"

    async def run(self, task: Task, tell: Tell) -> Outcome:
        """Run it to its end; it succeeded when its exit code is 0. Its errors are told, but are not its words."""
        if not task.command:
            return Outcome("error", "", problem="the agent file gives no `command`")
        prompt = f"{task.system}\n\n{task.prompt}" if task.system else task.prompt
        # It is given to the agent, who may make something else of it.
        with tempfile.TemporaryDirectory(dir=task.home, prefix="prompt-", ignore_cleanup_errors=True) as folder:
            file = Path(folder) / "prompt.md"
            file.write_text(prompt, encoding="utf-8")
            task.jail.own(Path(folder))
            try:
                done = await process.run(
                    [_filled(word, task, file) for word in task.command],
                    cwd=task.worktree,
                    env=_environment(task),
                    run_id=f"{task.run}/{task.key}",
                    stdin=b"" if any(_PROMPT_FILE in word for word in task.command) else prompt.encode(),
                    on_line=lambda line: tell(AgentEvent("output", line)),
                    heard=task.heard,
                    errors_apart=True,
                    jail=task.jail,
                    doors=task.doors,
                )
            except OSError as error:
                return Outcome("error", "", problem=f"`{task.command[0]}` cannot be started: {error.strerror}")
        words = done.output_tail.strip()
        if done.code != 0:
            why = ", as where there is no such program" if done.code == _NO_PROGRAM else ""
            return Outcome("error", words, problem=f"`{task.command[0]}` ended with exit code {done.code}{why}")
        return Outcome("finished", words)


BACKEND = Command()


def _filled(word: str, task: Task, file: Path) -> str:
    known = {_PROMPT_FILE: str(file), "{worktree}": str(task.worktree), "{model}": task.model or ""}
    for name, value in known.items():
        word = word.replace(name, value)
    return word


def _environment(task: Task) -> dict[str, str]:
    return {**task.environment, "HOME": str(task.home), **gateway.environment(task.gateway, task.token)}
