"""The one XML reader: bytes from strangers become a small tree, or one error with line and column.

Why not a ready-made tree builder: models are uploaded by anybody, and the ready-made ones expand entities,
have no bound on depth or counts, or lose line numbers. What is refused here, always:

- DOCTYPE, hence every entity but the five of XML itself; nothing external is ever looked at;
- encodings other than the four that expat decodes itself;
- more bytes, elements, attributes, depth or namespaces than `XmlLimits` allows;
- a single token (tag, comment, instruction) longer than `XmlLimits.token_bytes`: expat before 2.6 scans an
  unfinished token again for every piece fed, which is quadratic.

A handler that raises does not stop expat within the piece it was given. Therefore the part before the root
element is fed in tiny pieces (a DOCTYPE ends the parse before its first entity can be used) and the rest in
pieces small enough that the work after a refusal is negligible. Namespaces are resolved here and not by
expat, which would copy a long namespace name into every element and attribute name.
"""

import pyexpat
from collections.abc import Iterator, Mapping
from typing import NoReturn

import msgspec

XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
XMLNS_NAMESPACE = "http://www.w3.org/2000/xmlns/"

_ENCODINGS = frozenset({"utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "us-ascii"})
_PROLOG_PIECE_BYTES = 64
_PIECE_BYTES = 32 * 1024


class XmlLimits(msgspec.Struct, frozen=True):
    """Upper bounds of one document; a document beyond any of them is refused."""

    document_bytes: int = 5 * 1024 * 1024
    prolog_bytes: int = 32 * 1024
    token_bytes: int = 512 * 1024
    depth: int = 200
    elements: int = 50_000
    attributes_per_element: int = 100
    attributes: int = 250_000
    prefixes_in_scope: int = 100
    scopes: int = 2_000


DEFAULT_LIMITS = XmlLimits()


class XmlError(Exception):
    """The bytes are no XML that we accept; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class Element:
    """One element; whoever gets it must treat it as immutable.

    `attributes` maps (namespace, local name) to the value, with "" for no namespace. `text` is all character
    data directly inside the element, joined and as written. `prefixes` are the namespaces in scope (the
    default one under ""), for values that are themselves qualified names.
    """

    __slots__ = (
        "attributes",
        "children",
        "column",
        "line",
        "local",
        "namespace",
        "parent",
        "prefixes",
        "text",
    )

    def __init__(
        self,
        tag: tuple[str, str],
        attributes: Mapping[tuple[str, str], str],
        prefixes: Mapping[str, str],
        parent: "Element | None",
        position: tuple[int, int],
    ) -> None:
        self.namespace, self.local = tag
        self.attributes = attributes
        self.prefixes = prefixes
        self.parent = parent
        self.line, self.column = position
        self.children: tuple[Element, ...] = ()
        self.text = ""

    @property
    def tag(self) -> tuple[str, str]:
        """(namespace, local name)."""
        return self.namespace, self.local

    def get(self, name: str, namespace: str = "") -> str | None:
        """The attribute's value, None when it is absent."""
        return self.attributes.get((namespace, name))

    def child(self, local: str, namespace: str | None = None) -> "Element | None":
        """The first child of that name; any namespace when none is given."""
        return next(self.all(local, namespace), None)

    def all(self, local: str, namespace: str | None = None) -> "Iterator[Element]":
        """The children of that name in document order; any namespace when none is given."""
        for child in self.children:
            if child.local == local and (namespace is None or child.namespace == namespace):
                yield child

    def walk(self) -> "Iterator[Element]":
        """The element and everything below it, in document order."""
        pending = [self]
        while pending:
            element = pending.pop()
            yield element
            pending.extend(reversed(element.children))

    def child_text(self, local: str, namespace: str | None = None) -> str | None:
        """The text of the first child of that name, None when there is no such child."""
        found = self.child(local, namespace)
        return None if found is None else found.text

    def qualified(self, value: str) -> tuple[str, str]:
        """(namespace, local name) of a qualified name; an unknown prefix stays part of the local name."""
        prefix, colon, local = value.strip().partition(":")
        if not colon:
            return self.prefixes.get("", ""), prefix
        namespace = self.prefixes.get(prefix)
        return ("", value.strip()) if namespace is None else (namespace, local)

    def __repr__(self) -> str:
        return f"<Element {self.local} line {self.line}>"


def parse_xml(document: bytes, limits: XmlLimits = DEFAULT_LIMITS) -> Element:
    """The root element of the document; raises XmlError for anything malformed, hostile or too large."""
    if len(document) > limits.document_bytes:
        raise XmlError(f"the document is larger than {limits.document_bytes} bytes", 1, 1)
    builder = _Builder(limits)
    builder.feed(memoryview(document))
    if builder.root is None:
        raise XmlError("no element found", 1, 1)
    return builder.root


class _Scope:
    """The namespaces in force at some elements, with the names already resolved under them."""

    __slots__ = ("attribute_names", "element_names", "inner", "prefixes")

    def __init__(self, prefixes: dict[str, str]) -> None:
        self.prefixes = prefixes
        self.element_names: dict[str, tuple[str, str]] = {}
        self.attribute_names: dict[str, tuple[str, str]] = {}
        self.inner: dict[tuple[tuple[str, str], ...], _Scope] = {}


class _Builder:
    """Turns expat's calls into elements and refuses what exceeds the limits."""

    def __init__(self, limits: XmlLimits) -> None:
        self.root: Element | None = None
        self._limits = limits
        self._open: list[tuple[Element, _Scope, list[Element], list[str]]] = []
        self._scope = _Scope({"xml": XML_NAMESPACE})
        self._scopes = 1
        self._elements = 0
        self._attributes = 0
        self._parser = self._make_parser()

    def feed(self, document: memoryview) -> None:
        """Hands the document to expat piece by piece and watches for a token that does not end."""
        parser, limits, fed = self._parser, self._limits, 0
        try:
            while fed < len(document):
                piece = _PROLOG_PIECE_BYTES if self.root is None else _PIECE_BYTES
                parser.Parse(bytes(document[fed : fed + piece]), False)
                fed = min(fed + piece, len(document))
                if fed - max(parser.CurrentByteIndex, 0) > limits.token_bytes:
                    self._refuse(f"a tag or comment is longer than {limits.token_bytes} bytes")
                if self.root is None and fed > limits.prolog_bytes:
                    self._refuse(f"no element begins within the first {limits.prolog_bytes} bytes")
            parser.Parse(b"", True)
        except pyexpat.ExpatError as error:
            message = pyexpat.ErrorString(error.code) or "malformed"
            raise XmlError(message, error.lineno, error.offset + 1) from None

    def _make_parser(self) -> pyexpat.XMLParserType:
        parser = pyexpat.ParserCreate()
        parser.SetParamEntityParsing(pyexpat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._doctype
        parser.SkippedEntityHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        return parser

    def _refuse(self, message: str) -> NoReturn:
        raise XmlError(message, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            self._refuse("the encoding is not one of UTF-8, UTF-16, ISO-8859-1, US-ASCII")

    def _doctype(self, *_details: object) -> NoReturn:
        self._refuse("DOCTYPE and entity declarations are not allowed")

    def _start(self, name: str, flat_attributes: list[str]) -> None:
        limits = self._limits
        self._elements += 1
        self._attributes += len(flat_attributes) // 2
        if len(self._open) >= limits.depth:
            self._refuse(f"elements are nested deeper than {limits.depth}")
        if self._elements > limits.elements:
            self._refuse(f"there are more than {limits.elements} elements")
        if len(flat_attributes) > 2 * limits.attributes_per_element:
            self._refuse(f"an element has more than {limits.attributes_per_element} attributes")
        if self._attributes > limits.attributes:
            self._refuse(f"there are more than {limits.attributes} attributes")
        plain, declared = _split_declarations(flat_attributes)
        parent, scope = (self._open[-1][0], self._open[-1][1]) if self._open else (None, self._scope)
        if declared:
            scope = self._inner_scope(scope, declared)
        tag = self._resolve(name, scope, scope.element_names, scope.prefixes.get("", ""))
        attributes = self._resolve_attributes(plain, scope)
        position = (self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)
        element = Element(tag, attributes, scope.prefixes, parent, position)
        if self.root is None:
            self.root = element
        self._open.append((element, scope, [], []))

    def _end(self, _name: str) -> None:
        element, _scope, children, texts = self._open.pop()
        element.children = tuple(children)
        element.text = texts[0] if len(texts) == 1 else "".join(texts)
        if self._open:
            self._open[-1][2].append(element)

    def _text(self, text: str) -> None:
        self._open[-1][3].append(text)

    def _inner_scope(self, outer: _Scope, declared: list[tuple[str, str]]) -> _Scope:
        """The scope after these declarations; equal declarations at equal places share one scope."""
        changed = [
            pair for pair in declared if outer.prefixes.get(pair[0], None if pair[0] else "") != pair[1]
        ]
        if not changed:
            return outer
        key = tuple(changed)
        known = outer.inner.get(key)
        if known is not None:
            return known
        for prefix, namespace in changed:
            reserved = prefix in {"xml", "xmlns"} or namespace in {XML_NAMESPACE, XMLNS_NAMESPACE}
            if reserved or (prefix and not namespace):
                self._refuse(f"the namespace declaration of '{prefix[:100]}' is not allowed")
        self._scopes += 1
        inner = _Scope({**outer.prefixes, **dict(changed)})
        if len(inner.prefixes) > self._limits.prefixes_in_scope or self._scopes > self._limits.scopes:
            self._refuse("there are too many namespace declarations")
        outer.inner[key] = inner
        return inner

    def _resolve(
        self, name: str, scope: _Scope, known: dict[str, tuple[str, str]], default: str
    ) -> tuple[str, str]:
        resolved = known.get(name)
        if resolved is not None:
            return resolved
        prefix, colon, local = name.partition(":")
        if not colon:
            resolved = (default, name)
        elif not prefix or not local or ":" in local or prefix not in scope.prefixes:
            self._refuse(f"the prefix of '{name[:100]}' is not declared")
        else:
            resolved = (scope.prefixes[prefix], local)
        known[name] = resolved
        return resolved

    def _resolve_attributes(self, plain: list[tuple[str, str]], scope: _Scope) -> dict[tuple[str, str], str]:
        attributes = {self._resolve(name, scope, scope.attribute_names, ""): value for name, value in plain}
        if len(attributes) != len(plain):
            self._refuse("an attribute is given twice")
        return attributes


def _split_declarations(flat: list[str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Ordinary attributes, and namespace declarations as (prefix, namespace)."""
    plain: list[tuple[str, str]] = []
    declared: list[tuple[str, str]] = []
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        if name == "xmlns":
            declared.append(("", value))
        elif name.startswith("xmlns:"):
            declared.append((name[6:], value))
        else:
            plain.append((name, value))
    return plain, declared
