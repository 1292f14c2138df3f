"""The commands that control the bot: one file a command, `COMMAND`; /help and the documentation are this data."""
