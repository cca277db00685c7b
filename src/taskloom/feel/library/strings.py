"""Functions of strings; positions and lengths count characters, not code units."""

from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.decimals import Number
from taskloom.feel.dialect import Dialect
from taskloom.feel.patterns import Pattern, PatternError, compile_pattern, template_of
from taskloom.feel.run import Run
from taskloom.feel.text import describe
from taskloom.feel.values import Value


@built_in("substring", "string: string, start position: number, length?: number")
def substring(run: Run, text: str, start: Number, length: Number | None = None) -> str | Refusal:
    """From a position, 1 first and -1 last, all or as many characters as told."""
    run.read(text)
    position = int(start)
    if position == 0 or abs(position) > len(text):
        return Refusal(f"the string of {len(text)} characters has no position {describe(start)}")
    begin = position - 1 if position > 0 else len(text) + position
    if length is None:
        return text[begin:]
    if length < 1:
        return Refusal("the length must be 1 or more")
    return text[begin : begin + int(length)]


@built_in("string length", "string: string")
def string_length(_: Run, text: str) -> int:
    """The number of characters."""
    return len(text)


@built_in("upper case", "string: string")
def upper_case(run: Run, text: str) -> str:
    """By the rules of Unicode."""
    run.read(text)
    return text.upper()


@built_in("lower case", "string: string")
def lower_case(run: Run, text: str) -> str:
    """By the rules of Unicode."""
    run.read(text)
    return text.lower()


@built_in("substring before", "string: string, match: string")
def substring_before(run: Run, text: str, match: str) -> str:
    """What stands before the first match; empty without one."""
    run.read(text)
    before, found, _after = text.partition(match) if match else ("", "", "")
    return before if found else ""


@built_in("substring after", "string: string, match: string")
def substring_after(run: Run, text: str, match: str) -> str:
    """What stands after the first match; empty without one, all of it after an empty match."""
    run.read(text)
    return text.partition(match)[2] if match else text


@built_in("contains", "string: string, match: string")
def contains(run: Run, text: str, match: str) -> bool:
    """Whether the match stands anywhere."""
    run.read(text)
    return match in text


@built_in("starts with", "string: string, match: string")
def starts_with(run: Run, text: str, match: str) -> bool:
    """Whether the match stands at the begin."""
    run.read(match)
    return text.startswith(match)


@built_in("ends with", "string: string, match: string")
def ends_with(run: Run, text: str, match: str) -> bool:
    """Whether the match stands at the end."""
    run.read(match)
    return text.endswith(match)


def compiled_for(run: Run, text: str, pattern: str, flags: str) -> Pattern:
    """The compiled pattern; text and pattern cost steps, for both take time."""
    run.read(text)
    run.spend(20 + len(pattern))
    return compile_pattern(pattern, flags, chars_max=run.env.limits.pattern_chars)


@built_in("matches", "input: string, pattern: string, flags?: string?")
def matches(run: Run, text: str, pattern: str, flags: str | None = None) -> bool | Refusal:
    """Whether a regular expression matches anywhere in the text."""
    try:
        compiled = compiled_for(run, text, pattern, flags or "")
    except PatternError as fault:
        return Refusal(str(fault))
    return compiled.found_in(text)


@built_in("replace", "input: string, pattern: string, replacement: string, flags?: string?")
def replace(run: Run, text: str, pattern: str, replacement: str, flags: str | None = None) -> str | Refusal:
    """Each match replaced; `$1` is the first group. The pattern may not match the empty string."""
    try:
        compiled = compiled_for(run, text, pattern, flags or "")
        template = template_of(replacement, compiled, literal="q" in (flags or ""))
    except PatternError as fault:
        return Refusal(str(fault))
    if compiled.matches_empty:
        return Refusal("the pattern matches the empty string")
    return compiled.replaced(run, text, template)


@built_in("split", "string: string, delimiter: string")
def split(run: Run, text: str, delimiter: str) -> list[str] | Refusal:
    """The parts between the matches of a regular expression, empty ones too."""
    try:
        compiled = compiled_for(run, text, delimiter, "")
    except PatternError as fault:
        return Refusal(str(fault))
    if compiled.matches_empty:
        return Refusal("the delimiter matches the empty string")
    return compiled.split(run, text)


@built_in("string join", "list: list, delimiter?: string?", dialects=(Dialect.DMN,))
def string_join(run: Run, items: list[Value], delimiter: str | None = None) -> str | Refusal:
    """The strings with the delimiter between them; null items are left out."""
    return joined(run, items, delimiter or "")


def joined(run: Run, items: list[Value], delimiter: str) -> str | Refusal:
    """Strings, nulls left out, with a delimiter between them."""
    run.spend(len(items))
    parts = [item for item in items if item is not None]
    if any(type(part) is not str for part in parts):
        return Refusal("each item must be a string")
    run.check_chars(sum(map(len, parts)) + len(delimiter) * len(parts))
    return delimiter.join(parts)
