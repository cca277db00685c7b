"""What a server is told before it starts, and by whom.

Four sources, the stronger first: a flag of the command line, an environment variable `TASKLOOM_<NAME>`, a
TOML file (`--config` or `TASKLOOM_CONFIG`; `cert` in a table `[tls]` means `tls_cert`), the default. An
unknown key is an error wherever it stands, because a misspelt setting that is silently ignored is found on
the worst day.
"""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from taskloom.callbacks.address import trusted
from taskloom.core.limits import (
    CALLS_PER_KEY,
    CONNECTIONS_PER_ADDRESS,
    CROWD_MAX,
    ROOT_KEY_LENGTH_MAX,
    ROOT_KEY_LENGTH_MIN,
    SETTINGS_FILE_BYTES,
)

PREFIX = "TASKLOOM_"
# variables with our prefix that are no settings of the server: the settings file, clients' and tests' own
NOT_SETTINGS = frozenset(
    {
        "TASKLOOM_CONFIG",
        "TASKLOOM_FAULT",
        "TASKLOOM_KEY",
        "TASKLOOM_KEY_FILE",
        "TASKLOOM_SHARED",
        "TASKLOOM_TENANT",
        "TASKLOOM_URL",
    }
)
SECRETS = frozenset({"root_key"})
REPEATED = frozenset({"callbacks_allow"})
"""Settings of several values: a flag is given several times, a variable separates by commas."""

# what may hold a password in a URL: all before the host, and a parameter
_PASSWORD = re.compile(r"(?<=://)[^/?#]*(?=@)|(?<=password=)[^&#]*")
_STORE_SCHEMES = frozenset({"postgres", "postgresql"})
_BUS_SCHEMES = frozenset({"redis", "rediss", "valkey", "valkeys", "unix"})


class Settings(Struct, frozen=True, kw_only=True):
    """Everything a server is told; the defaults make a server for one machine."""

    data: Annotated[Path, Meta(description="folder for the database, blobs and keys")] = Path("taskloom-data")
    host: Annotated[str, Meta(description="address to listen on", min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Meta(description="port to listen on, 0 for any free one", ge=0, le=65_535)] = 8080
    store: Annotated[str, Meta(description="sqlite, memory, or the URL of a PostgreSQL database")] = "sqlite"
    bus: Annotated[str, Meta(description="memory, embedded, or the URL of a Redis or Valkey server")] = (
        "memory"
    )
    auth: Annotated[Literal["keys", "none"], Meta(description="keys, or none on a loopback address")] = "keys"
    tls_cert: Annotated[Path | None, Meta(description="certificate chain for TLS, PEM")] = None
    tls_key: Annotated[Path | None, Meta(description="private key for TLS, PEM")] = None
    root_key: Annotated[
        Annotated[str, Meta(min_length=ROOT_KEY_LENGTH_MIN, max_length=ROOT_KEY_LENGTH_MAX)] | None,
        Meta(description="the admin key, instead of one made at the first start; at least 24 characters"),
    ] = None
    compat_agents: Annotated[
        Literal["taskloom", "claudebench"], Meta(description="whose rules task.complete follows")
    ] = "taskloom"
    compat_queue: Annotated[
        Literal["taskloom", "bella"], Meta(description="whose answers late completions get")
    ] = "taskloom"
    callbacks_allow: Annotated[
        tuple[str, ...],
        Meta(description="network, host or host:port that callbacks may reach though it is not public"),
    ] = ()
    callbacks_http: Annotated[bool, Meta(description="true lets callbacks go to http:// addresses too")] = (
        False
    )

    connections_per_address: Annotated[
        int, Meta(description="connections one address may have open, 0 for any number", ge=0, le=CROWD_MAX)
    ] = CONNECTIONS_PER_ADDRESS
    calls_per_key: Annotated[
        int, Meta(description="calls one key may have under way, 0 for any number", ge=0, le=CROWD_MAX)
    ] = CALLS_PER_KEY

    def __repr__(self) -> str:
        """Show no secret, for this ends up in logs."""
        return f"Settings({', '.join(f'{name}={text}' for name, text in shown(self).items())})"


class Loaded(Struct, frozen=True):
    """Settings, and for each of them the source it came from."""

    settings: Settings
    origins: dict[str, str]


class SettingsError(ValueError):
    """What is wrong with the settings, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Source(Struct, frozen=True):
    """A value as somebody wrote it, and the name under which they wrote it."""

    origin: str
    value: Any


def load(
    flags: Mapping[str, str | list[str]], environ: Mapping[str, str], file: Path | None = None
) -> Loaded:
    """Put the sources together; all that is wrong is reported at once."""
    problems: list[str] = []
    chosen: dict[str, _Source] = {}
    layers = (
        {name: _Source(f"--{name.replace('_', '-')}", value) for name, value in flags.items()},
        _from_environment(environ, problems),
        _from_file(file, problems) if file else {},
    )
    for layer in reversed(layers):
        chosen |= layer
    values = _converted(chosen, problems)
    if problems:
        raise SettingsError(problems)
    settings = Settings(**values)
    if problems := list(_contradictions(settings)):
        raise SettingsError(problems)
    origins = {name: chosen[name].origin if name in chosen else "default" for name in descriptions()}
    return Loaded(settings, origins)


def descriptions() -> dict[str, str]:
    """Every setting's name and what it is for, in the order of `Settings`."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hints[name].__metadata__[0].description for name in Settings.__struct_fields__}


def shown(settings: Settings) -> dict[str, str]:
    """Every setting as it may be seen by anybody: secrets and passwords in URLs are masked."""
    return {name: _masked(name, getattr(settings, name)) for name in Settings.__struct_fields__}


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, _Source]:
    """Read `TASKLOOM_*`; an empty variable counts as unset, for deployment tools cannot leave one out."""
    found: dict[str, _Source] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS or not text:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name.removesuffix("_file") in SECRETS and name.endswith("_file"):
            secret = _read(Path(text), variable, problems)
            found[name.removesuffix("_file")] = _Source(variable, secret.strip())
        elif _is_known(name, variable, problems):
            found[name] = _Source(variable, text)
    return found


def _from_file(file: Path, problems: list[str]) -> dict[str, _Source]:
    try:
        tree = tomllib.loads(_read(file, "the settings file", problems))
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{file}: {error}")
        return {}
    named = {key.replace(".", "_"): (key, value) for key, value in _leaves(tree)}
    return {
        name: _Source(f"{file}: {key}", value)
        for name, (key, value) in named.items()
        if _is_known(name, f"{file}: {key}", problems)
    }


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _read(file: Path, what: str, problems: list[str]) -> str:
    """The text of a small file; nothing and a problem if it cannot be had."""
    try:
        with file.open("rb") as opened:
            content = opened.read(SETTINGS_FILE_BYTES + 1)
        if len(content) > SETTINGS_FILE_BYTES:
            problems.append(f"{what}: {file} is larger than {SETTINGS_FILE_BYTES} bytes")
            return ""
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{what}: {file} cannot be read: {error}")
        return ""


def _is_known(name: str, origin: str, problems: list[str]) -> bool:
    if name in Settings.__struct_fields__:
        return True
    near = difflib.get_close_matches(name, Settings.__struct_fields__, n=1)
    problems.append(f"{origin}: there is no such setting" + (f"; is {near[0]} meant?" if near else ""))
    return False


def _converted(chosen: Mapping[str, _Source], problems: list[str]) -> dict[str, Any]:
    """Turn what was written into the types of `Settings`; a number may come as text."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        if field.name not in chosen:
            continue
        source = chosen[field.name]
        try:
            value = _several(source.value) if field.name in REPEATED else source.value
            values[field.name] = msgspec.convert(value, field.type, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            problems.append(f"{source.origin}: {error}")
    return values


def _several(value: Any) -> Any:
    """The values of a setting that may have several."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _path(kind: type, value: Any) -> Path:
    if kind is not Path or not isinstance(value, str) or not value:
        raise ValueError("Expected a path")
    return Path(value)


def _contradictions(settings: Settings) -> Iterator[str]:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        yield "tls_cert and tls_key belong together: give both or none"
    if settings.auth == "none" and not _is_loopback(settings.host):
        yield f"auth none is only for a loopback address, not for {settings.host}"
    if settings.store not in {"sqlite", "memory"} and _scheme(settings.store) not in _STORE_SCHEMES:
        yield "store must be sqlite, memory or start with postgresql://"
    if settings.bus not in {"memory", "embedded"} and _scheme(settings.bus) not in _BUS_SCHEMES:
        yield "bus must be memory, embedded or start with redis://"
    for target in settings.callbacks_allow:
        try:
            trusted(target)
        except ValueError as error:
            yield f"callbacks_allow: {error}"


def _scheme(url: str) -> str:
    """The scheme of a URL, nothing if it is none."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _masked(name: str, value: object) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if name in SECRETS:
        return "***"
    return _PASSWORD.sub("***", str(value))
