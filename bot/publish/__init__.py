"""The only room that writes to GitHub, and every sentence a user reads."""
