"""The native API under /api/v1: console and SDK."""
