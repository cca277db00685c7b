"""What one evaluation costs, beside other engines on equal expressions, interleaved A B A B.

    ./dev bench feel [--feelin FOLDER]

FOLDER has `node_modules/feelin` (npm install feelin). The Python packages zen-engine and bkflow-feel
take part when they are installed. feelin and bkflow-feel offer no way to keep a parsed expression, so
their figures include parsing, as any use of them does; ours and zen-engine's are of an expression
compiled beforehand. zen-engine has a language of its own; its texts mean the same. On a busy machine
look at the best round.
"""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import tables
from bench.measure import interleaved, median, ratio, table
from taskloom.feel import Environment, compile_expression, from_python, parse, table_of, to_json

ROUNDS = 9
ORDERS = [{"id": f"o{amount}", "amount": amount} for amount in range(10, 210, 20)]


class Case(NamedTuple):
    """One expression in each language, its variables, its value as JSON and the time that is allowed."""

    name: str
    feel: str
    zen: str
    bkflow: str | None
    scope: dict[str, Any]
    value: str
    must_us: float
    aim_us: float
    loops: int


CASES = (
    Case(
        "gateway condition",
        'amount > 100 and status = "open"',
        'amount > 100 and status == "open"',
        'amount > 100 and status = "open"',
        {"amount": 150, "status": "open"},
        "true",
        2,
        1,
        4_000,
    ),
    Case(
        "filter over 10 items",
        "orders[amount > 100]",
        "filter(orders, #.amount > 100)",
        "orders[amount > 100]",
        {"orders": ORDERS},
        json.dumps(ORDERS[5:], separators=(",", ":")),
        12,
        8,
        1_000,
    ),
    Case(
        "date arithmetic",
        'date(due) + duration("P3D") > date("2024-03-01")',
        "d(due).add('3d') > d('2024-03-01')",
        None,
        {"due": "2024-02-28"},
        "true",
        5,
        2,
        1_000,
    ),
)

FEELIN = """
import { evaluate } from 'feelin';
import { createInterface } from 'node:readline';
for await (const line of createInterface({ input: process.stdin })) {
  const { text, scope, loops } = JSON.parse(line);
  const start = process.hrtime.bigint();
  let outcome;
  for (let i = 0; i < loops; i++) outcome = evaluate(text, scope);
  const us = Number(process.hrtime.bigint() - start) / 1000 / loops;
  console.log(JSON.stringify({ us, value: JSON.stringify(outcome.value) }));
}
"""


def timed(run: Callable[[], Any], loops: int) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        run()
    return (time.perf_counter() - start) / loops * 1e6


def ours(case: Case, mode: str) -> Callable[[], float]:
    scope = from_python(case.scope)
    compiled = compile_expression(case.feel, table_of(scope), mode=mode)
    environment = Environment.at(1_700_000_000_000)
    assert to_json(compiled.evaluate(scope, environment).value).decode() == case.value, case.name
    return lambda: timed(lambda: compiled.evaluate(scope, environment), case.loops)


def zen(case: Case) -> Callable[[], float]:
    import zen as engine

    compiled = engine.compile_expression(case.zen)
    assert json.loads(json.dumps(compiled.evaluate(case.scope))) == json.loads(case.value), case.name
    return lambda: timed(lambda: compiled.evaluate(case.scope), case.loops)


def bkflow(case: Case) -> Callable[[], float]:
    from bkflow_feel.api import parse_expression

    text = case.bkflow or ""
    assert parse_expression(text, case.scope) == json.loads(case.value), case.name
    return lambda: timed(lambda: parse_expression(text, case.scope), max(10, case.loops // 100))


def feelin(case: Case, node: subprocess.Popen[str]) -> Callable[[], float]:
    assert node.stdin is not None
    assert node.stdout is not None
    question = json.dumps({"text": case.feel, "scope": case.scope, "loops": max(10, case.loops // 20)})

    def run() -> float:
        node.stdin.write(question + "\n")
        node.stdin.flush()
        answer = json.loads(node.stdout.readline())
        assert answer["value"] == case.value, answer
        return float(answer["us"])

    return run


def subjects(case: Case, node: subprocess.Popen[str] | None) -> dict[str, Callable[[], float]]:
    found = {"generated": ours(case, "generated"), "closures": ours(case, "closure")}
    if node is not None:
        found["feelin"] = feelin(case, node)
    if importlib.util.find_spec("zen"):
        found["zen-engine"] = zen(case)
    if importlib.util.find_spec("bkflow_feel") and case.bkflow:
        found["bkflow-feel"] = bkflow(case)
    return found


def compare(case: Case, node: subprocess.Popen[str] | None) -> None:
    runs = subjects(case, node)
    for run in runs.values():
        run()
    figures = interleaved(ROUNDS, runs)
    rows = [
        [name, f"{median(values):.2f}", f"{min(values):.2f}", ratio(figures, name, "generated")]
        for name, values in figures.items()
    ]
    table(
        f"{case.name}: {case.feel}  (must <= {case.must_us} µs, aim {case.aim_us})",
        ["engine", "µs", "best", "÷ generated"],
        rows,
    )


def building() -> None:
    rows = []
    for case in CASES:
        names = table_of(from_python(case.scope))
        steps = [
            lambda case=case, names=names: parse(case.feel, names),
            lambda case=case, names=names: compile_expression(case.feel, names),
            lambda case=case, names=names: compile_expression(case.feel, names, mode="generated"),
        ]
        rows.append([case.name, *(f"{min(timed(step, 200) for _ in range(3)):.0f}" for step in steps)])
    table("building (µs; parse aim < 50)", ["", "parse", "closures", "generated"], rows)


def start_feelin(arguments: list[str]) -> subprocess.Popen[str] | None:
    if "--feelin" not in arguments:
        return None
    return subprocess.Popen(
        ["node", "--input-type=module", "-e", FEELIN],
        cwd=arguments[arguments.index("--feelin") + 1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    node = start_feelin(sys.argv)
    for case in CASES:
        compare(case, node)
    tables.main()
    building()
    if node is not None and node.stdin is not None:
        node.stdin.close()
        node.wait(10)


if __name__ == "__main__":
    main()
