"""The native dialect: identity, and what console and SDK need. It refuses with problems of RFC 9457."""

from taskloom.dialects.native.problem import problem
from taskloom.dialects.operation import Dialect, Operation

OPERATIONS: tuple[Operation, ...] = ()


def owns(path: str) -> bool:
    """Paths below `/api/`."""
    return path.startswith("/api/")


DIALECT = Dialect(name="native", operations=OPERATIONS, render=problem, owns=owns)
