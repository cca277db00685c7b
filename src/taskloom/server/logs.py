"""Logs: one JSON object per line on standard error. No secret gets in, and no value can end a line.

There is no line per request: at full speed it would cost a tenth of the machine. Metrics count requests.
"""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec

_SECRETS: Final = re.compile(
    r"(?P<mark>tlk_|tlt_|whsec_)[A-Za-z0-9_.=+/-]+"
    r"|(?P<scheme>bearer|basic)\s+[A-Za-z0-9_.~+/=-]+"
    r"|(?P<url>://[^/\s:@]*:)[^/\s@]+@",
    re.IGNORECASE,
)
_QUIET: Final = ("uvicorn.access", "aiohttp.access")
_FIELDS: Final = ("request_id", "command")
"""What a caller of the logger may add."""
_MESSAGE_LENGTH: Final = 16_000


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON, without the secrets it was told and what looks like one."""

    def __init__(self, secrets: frozenset[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self.redacted(record.getMessage()),
        }
        for name in _FIELDS:
            if name in record.__dict__:
                line[name] = self.redacted(str(record.__dict__[name]))
        if record.exc_info:
            line["exception"] = self.redacted(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()

    def redacted(self, text: str) -> str:
        """The text without secrets, and no longer than a line may be."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _SECRETS.sub(_masked, text[:_MESSAGE_LENGTH])
        return text.encode("utf-8", "replace").decode()


def _masked(match: re.Match[str]) -> str:
    if match["url"]:
        return f"{match['url']}***@"
    return f"{match['mark']}***" if match["mark"] else f"{match['scheme']} ***"


def set_up(secrets: frozenset[str], level: int = logging.INFO) -> None:
    """Let everything that logs in this process log this way."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).disabled = True
