"""The documents dialect: Send AI v2."""
