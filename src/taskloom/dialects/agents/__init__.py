"""The agents dialect: JSON-RPC 2.0 and server-sent events."""
