"""`taskloom dmn`: evaluate and check decision models, run the compatibility kit."""

import argparse
import sys
import time
from pathlib import Path

from taskloom.cli.dmn_tck import run_kit
from taskloom.dmn import DecisionModel, DmnError, Outcome, UnknownElementError, compile_model
from taskloom.dmn.parse import parse_dmn
from taskloom.feel import Dialect, Environment, UnfitJson, Value, from_json, to_json

_MODELS_MAX = 1_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    evaluate = actions.add_parser("evaluate", help="evaluate a decision and print its value as JSON")
    evaluate.add_argument("model", metavar="MODEL.dmn", type=Path)
    wanted = evaluate.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--decision", metavar="NAME", help="the decision, by name or id")
    wanted.add_argument("--service", metavar="NAME", help="a decision service instead")
    wanted.add_argument("--bkm", metavar="NAME", help="a business knowledge model instead")
    evaluate.add_argument("--input", metavar="JSON", default="{}", help="the inputs by name; '-' reads them")
    evaluate.add_argument("--trace", action="store_true", help="print inputs, matched rules and faults too")
    _add_dialect(evaluate)
    validate = actions.add_parser("validate", help="print the problems of a model")
    validate.add_argument("model", metavar="MODEL.dmn", type=Path)
    _add_dialect(validate)
    kit = actions.add_parser("tck", help="run a folder of the DMN Technology Compatibility Kit")
    kit.add_argument("folder", metavar="DIR", type=Path)


def run(arguments: argparse.Namespace) -> int:
    """0 when all went well, 1 when the model or its evaluation failed, 2 for wrong arguments."""
    if arguments.action == "tck":
        return run_kit(arguments.folder, _environment(), time.perf_counter)
    try:
        model = load_model(arguments.model, Dialect(arguments.dialect))
    except OSError as error:
        return _complain(f"{arguments.model}: {error.strerror}", 2)
    except DmnError as error:
        return _complain(f"{arguments.model}: {error}", 1)
    return _validate(model) if arguments.action == "validate" else _evaluate(model, arguments)


def load_model(path: Path, dialect: Dialect) -> DecisionModel:
    """The model in the file; what it imports is looked for in the same folder."""
    document = path.read_bytes()
    main = parse_dmn(document)
    library = []
    if main.imports:
        others = (other for other in sorted(path.parent.glob("*.dmn")) if other != path)
        for other, _ in zip(others, range(_MODELS_MAX), strict=False):
            try:
                library.append(parse_dmn(other.read_bytes()))
            except DmnError:
                continue  # a broken neighbour only matters if it is imported, and then it is missing
    return compile_model(main, library, dialect)


def _add_dialect(parser: argparse.ArgumentParser) -> None:
    names = [dialect.value for dialect in Dialect]
    parser.add_argument("--dialect", choices=names, default=Dialect.DMN.value, help="which FEEL")


def _environment() -> Environment:
    return Environment.at(int(time.time() * 1000))


def _validate(model: DecisionModel) -> int:
    for problem in model.problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"{len(model.errors)} errors, {len(model.problems) - len(model.errors)} warnings\n")
    return 1 if model.errors else 0


def _evaluate(model: DecisionModel, arguments: argparse.Namespace) -> int:
    text = sys.stdin.read() if arguments.input == "-" else arguments.input
    try:
        inputs = from_json(text)
    except UnfitJson as error:
        return _complain(f"--input is no JSON: {error}", 2)
    if not isinstance(inputs, dict):
        return _complain("--input must be a JSON object", 2)
    for problem in model.problems:
        sys.stderr.write(f"{problem}\n")
    try:
        outcome = _outcome(model, arguments, model.inputs_from_json(inputs))
    except UnknownElementError as error:
        return _complain(f"{error}; it has: {', '.join(model.names()) or 'none'}", 2)
    return _print(outcome, arguments.trace)


def _outcome(model: DecisionModel, arguments: argparse.Namespace, inputs: dict[str, Value]) -> Outcome:
    environment = _environment()
    if arguments.service is not None:
        return model.service(arguments.service, inputs, environment)
    if arguments.bkm is not None:
        return model.knowledge_model(arguments.bkm, inputs, environment)
    return model.decision(arguments.decision, inputs, environment)


def _print(outcome: Outcome, trace: bool) -> int:
    shown = outcome.as_context() if trace else outcome.value
    try:
        sys.stdout.write(to_json(shown).decode() + "\n")
    except UnfitJson as error:
        return _complain(str(error), 1)
    for fault in outcome.faults:
        sys.stderr.write(f"fault: {fault.element}, line {fault.line}: {fault.message}\n")
    for warning in outcome.warnings:
        sys.stderr.write(f"warning: {warning.message}\n")
    if outcome.failure is not None:
        return _complain(outcome.failure.message, 1)
    return 0


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"taskloom: {message}\n")
    return status
