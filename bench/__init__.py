"""How fast the bot is, as ratios measured in one run: `python -m bench`."""
