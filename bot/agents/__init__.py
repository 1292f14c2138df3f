"""What an agent is asked, what it answers, and how it is watched."""
