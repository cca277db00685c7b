"""Reading `multipart/form-data` from a body that was read whole."""

from collections.abc import Mapping

from msgspec import Struct
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header


class Part(Struct):
    """One part; `file_name` is "" for a plain field."""

    name: str
    file_name: str
    body: bytes


class MalformedFormError(ValueError):
    """The body is no multipart form, or has more parts than allowed."""


def read_form(content_type: str, body: bytes, parts_max: int) -> list[Part]:
    """The parts in the order they came."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise MalformedFormError("no boundary is given")
    reader = _Reader(parts_max)
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise MalformedFormError(str(error)) from None
    if not reader.is_complete:
        raise MalformedFormError("the form breaks off")
    return reader.parts


class _Reader:
    """Gathers what the parser calls back."""

    def __init__(self, parts_max: int) -> None:
        self.parts: list[Part] = []
        self.is_complete = False
        self._parts_max = parts_max
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""
        self._data: list[bytes] = []

    def callbacks(self) -> Mapping[str, object]:
        """What the parser is given."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        if len(self.parts) >= self._parts_max:
            raise MalformedFormError(f"the form has more than {self._parts_max} parts")
        self._headers, self._data = {}, []

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        self.parts.append(Part(name, file_name, b"".join(self._data)))

    def _finish(self) -> None:
        self.is_complete = True
