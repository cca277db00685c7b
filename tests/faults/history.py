"""What a client saw, one line per operation: invoked, then ok, refused or unknown."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"


class Operation(Struct):
    """One call of one client. `mark` is a text no other call carries: it tells whose effect is stored."""

    client: str
    tenant: str
    dialect: str
    verb: str
    task: str = ""
    mark: str = ""
    attempt: int = 0
    """The attempt whose lease token the call showed, 0 for none."""
    result: str = UNKNOWN
    status: int = 0
    detail: str = ""
    at: float = 0.0
    took_ms: float = 0.0


class History:
    """Appends operations to a file of its own; a client that dies leaves its last line unknown."""

    def __init__(self, path: Path, client: str, tenant: str) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._client = client
        self._tenant = tenant

    def write(self, operation: Operation) -> None:
        operation.client, operation.tenant = self._client, self._tenant
        operation.at = time.time()
        self._file.write(json.dumps({f: getattr(operation, f) for f in operation.__struct_fields__}) + "\n")

    def close(self) -> None:
        """No more comes."""
        self._file.close()


def read(folder: Path) -> Iterator[Operation]:
    """All operations of all clients."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            fields: dict[str, Any] = json.loads(line)
            yield Operation(**fields)
