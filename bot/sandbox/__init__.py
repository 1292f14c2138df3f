"""Where processes run that the bot does not trust, and the only ways out of there."""
