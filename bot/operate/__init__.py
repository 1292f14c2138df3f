"""What the command line does: serve, demo, run, check, replay, look after worktrees, doctor."""
