"""What is wrong with a file, told once and completely: element, line, reason."""

from collections.abc import Iterable

import msgspec

from taskloom.flows.bpmn.limits import PROBLEMS_REPORTED_MAX, QUOTED_CHARS_MAX


class Problem(msgspec.Struct, frozen=True):
    """One reason why a file cannot be deployed."""

    element: str
    line: int
    text: str


class NotDeployable(msgspec.Struct, frozen=True):
    """A file that is refused, with everything that is wrong with it."""

    file_name: str
    problems: tuple[Problem, ...]

    def describe(self) -> str:
        """The refusal as the deployer reads it: one block per element, one line per problem."""
        blocks: dict[str, list[str]] = {}
        for problem in self.problems[:PROBLEMS_REPORTED_MAX]:
            line = f"    - ERROR: {problem.text} (line {problem.line})"
            blocks.setdefault(problem.element, []).append(line)
        text = "\n".join(f"- Element: {element}\n" + "\n".join(lines) for element, lines in blocks.items())
        hidden = len(self.problems) - PROBLEMS_REPORTED_MAX
        more = f"\n- and {hidden} more errors" if hidden > 0 else ""
        return f"'{quoted(self.file_name)}': {text}{more}"


def quoted(text: str) -> str:
    """A stranger's text as it may stand inside a message: on one line and not endless."""
    clean = "".join(each if each.isprintable() else " " if each.isspace() else "?" for each in text)
    return clean if len(clean) <= QUOTED_CHARS_MAX else clean[:QUOTED_CHARS_MAX] + "..."


def in_line_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems from the top of the file to its bottom."""
    return tuple(sorted(problems, key=lambda problem: problem.line))
