"""`taskloom feel`: evaluates one expression and prints its value as JSON."""

import argparse
import sys
import time

from taskloom.feel import (
    Dialect,
    Environment,
    FeelSyntaxError,
    Result,
    UnfitJson,
    Value,
    compile_expression,
    compile_unary_tests,
    from_json,
    is_zone,
    table_of,
    to_json,
)
from taskloom.feel.compiled import Compiled


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("expression", metavar="EXPRESSION", help="FEEL, with or without a leading '='")
    parser.add_argument("--context", metavar="JSON", default="{}", help="the variables; '-' reads them")
    parser.add_argument("--input", metavar="JSON", help="read EXPRESSION as unary tests of this input")
    parser.add_argument("--zone", metavar="ID", default="UTC", help="the time zone of now() and today()")
    parser.add_argument(
        "--dialect",
        choices=[dialect.value for dialect in Dialect],
        default=Dialect.DMN.value,
        help="which FEEL",
    )


def run(arguments: argparse.Namespace) -> int:
    """0 with a value, 1 when the evaluation failed, 2 for a text that is no FEEL and for bad arguments."""
    try:
        context = _context(arguments.context)
        scope = context if arguments.input is None else {**context, "?": from_json(arguments.input)}
        compiled = _compiled(arguments, scope)
    except (FeelSyntaxError, UnfitJson) as error:
        return _complain(str(error), 2)
    if not is_zone(arguments.zone):
        return _complain(f"there is no time zone '{arguments.zone}'", 2)
    environment = Environment.at(time.time_ns() // 1_000_000, zone=arguments.zone)
    return _print(compiled.evaluate(scope, environment))


def _context(text: str) -> dict[str, Value]:
    context = from_json(sys.stdin.read() if text == "-" else text)
    if not isinstance(context, dict):
        raise UnfitJson("the context must be a JSON object")
    return context


def _compiled(arguments: argparse.Namespace, scope: dict[str, Value]) -> Compiled:
    text = arguments.expression.strip().removeprefix("=")
    dialect = Dialect(arguments.dialect)
    compile_text = compile_expression if arguments.input is None else compile_unary_tests
    return compile_text(text, table_of(scope), dialect)


def _print(result: Result) -> int:
    for warning in result.warnings:
        sys.stderr.write(f"warning: {warning.message}\n")
    if result.failure is not None:
        return _complain(result.failure.message, 1)
    try:
        sys.stdout.write(to_json(result.value).decode() + "\n")
    except UnfitJson as error:
        return _complain(str(error), 1)
    return 0


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return status
