"""Let uv and npm fetch the way this machine's pip does.

A machine may name its package index and its certificates in pip's settings only, which uv and npm do not
read. They are handed on as variables. Nothing of it is ever written to a file.
"""

import ast
import os
from collections.abc import Mapping

from devtools.places import PYTHON
from devtools.process import output_of

_UV_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
# pip's name of a setting -> uv's variable, and what stands between the values of a list
_TRANSLATION = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "proxy": ("ALL_PROXY", " "),
}
# sections of `pip config list`, the stronger one last
_SECTIONS = ("global", "install", ":env:")


def uv_variables() -> dict[str, str]:
    """The variables that make uv use the indexes of pip; none if uv was given its own."""
    if any(name in os.environ for name in _UV_INDEX_VARIABLES):
        return {}
    return translate(_settings_of_pip(), os.environ)


def npm_variables() -> dict[str, str]:
    """The variables that make npm trust what pip trusts; none if npm was told whom to trust."""
    certificates = os.environ.get("SSL_CERT_FILE") or _settings_of_pip().get("cert")
    if not certificates or "NODE_EXTRA_CA_CERTS" in os.environ:
        return {}
    return {"NODE_EXTRA_CA_CERTS": certificates}


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Read the output of `pip config list`: one `section.name='value'` per line."""
    sections: dict[str, dict[str, str]] = {name: {} for name in _SECTIONS}
    for line in listing.splitlines():
        place, equals, quoted = line.partition("=")
        section, _, name = place.rpartition(".")
        if equals and section in sections:
            sections[section][name] = str(ast.literal_eval(quoted))
    return {name: value for section in _SECTIONS for name, value in sections[section].items()}


def translate(settings: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Spell pip's settings as uv's variables; a variable that is present already wins."""
    variables = {
        variable: separator.join(settings[name].split())
        for name, (variable, separator) in _TRANSLATION.items()
        if name in settings and variable not in present
    }
    if settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        variables["UV_NO_INDEX"] = "1"
    # pip takes all its indexes for equal. For uv that is safe too: every file must match a hash of the lock.
    variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return variables


def _settings_of_pip() -> dict[str, str]:
    return parse_pip_settings(output_of([PYTHON, "-m", "pip", "config", "list"]) or "")
