"""Logs: one JSON object per line on standard error. No secret gets in, and no value can end a line."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

_SECRETS: Final = re.compile(
    r"(?P<mark>tlk_|tlt_|whsec_)[A-Za-z0-9_.=+/-]+"
    r"|(?P<scheme>bearer|basic)\s+[A-Za-z0-9_.~+/=-]+"
    r"|(?P<url>://[^/\s:@]*:)[^/\s@]+@",
    re.IGNORECASE,
)
_QUIET: Final = ("uvicorn.access", "aiohttp.access")

Event = MutableMapping[str, Any]


class Redactor:
    """Takes secrets out of every text of an event: those it was told, and what looks like one."""

    def __init__(self, secrets: frozenset[str]) -> None:
        self._secrets = secrets

    def __call__(self, logger: Any, method: str, event: Event) -> Event:
        """A step of structlog's chain."""
        del logger, method
        for name, value in event.items():
            if isinstance(value, str):
                event[name] = self.text(value)
        return event

    def text(self, value: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            value = value.replace(secret, "***")
        return _SECRETS.sub(_masked, value)


def _masked(match: re.Match[str]) -> str:
    if match["url"]:
        return f"{match['url']}***@"
    return f"{match['mark'] or match['scheme'] + ' '}***"


def set_up(secrets: frozenset[str], level: int = logging.INFO) -> None:
    """Let everything that logs in this process log this way."""
    before: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow={"request_id", "command"}),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            Redactor(secrets),
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).disabled = True
