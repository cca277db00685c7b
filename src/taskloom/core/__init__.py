"""The rules, pure: tasks, commands, decisions, events."""
