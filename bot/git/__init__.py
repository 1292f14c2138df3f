"""Git, called here and nowhere else: mirrors, worktrees, changes."""
