"""Adapters of the bus port: wake-ups are hints."""
