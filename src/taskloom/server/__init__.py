"""The ASGI application: operations, identity, bodies, errors."""
