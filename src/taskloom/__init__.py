"""Taskloom: tasks wait here, are handed out, and are completed exactly once."""
