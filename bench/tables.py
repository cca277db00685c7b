"""Decision tables of 10 and 1,000 rules, beside zen-engine where it is installed: `./dev bench tables`.

Both evaluate the same rules on the same inputs, ours with the trace for audit and without.
Must: 40 and 80 µs; aim: 20 and 40 µs.
"""

import json
import sys
import time
from collections.abc import Callable

from bench.measure import interleaved, median, table
from taskloom.dmn import DecisionModel, compile_model

try:
    import zen
except ImportError:
    zen = None

ROUNDS = 9
EVALUATIONS = 1_000
MUST_US = {10: 40.0, 1_000: 80.0}


def rules(count: int) -> list[tuple[str, str, str]]:
    """A literal column of ten values, an interval column, an output."""
    return [(f'"c{n % 10}"', f"[{n * 10}..{n * 10 + 10})", f'"out{n}"') for n in range(count)]


def inputs(count: int) -> dict:
    """What the last rule matches."""
    return {"category": f"c{(count - 1) % 10}", "amount": (count - 1) * 10 + 5}


def ours(count: int) -> DecisionModel:
    """The table as a DMN model."""
    cells = "".join(
        f"<rule><inputEntry><text>{a}</text></inputEntry><inputEntry><text>{b}</text></inputEntry>"
        f"<outputEntry><text>{c}</text></outputEntry></rule>"
        for a, b, c in rules(count)
    )
    document = f"""<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="b" name="b">
      <inputData id="c" name="category"><variable name="category" typeRef="string"/></inputData>
      <inputData id="a" name="amount"><variable name="amount" typeRef="number"/></inputData>
      <decision id="d" name="Table"><variable name="Table" typeRef="string"/>
        <informationRequirement><requiredInput href="#c"/></informationRequirement>
        <informationRequirement><requiredInput href="#a"/></informationRequirement>
        <decisionTable hitPolicy="FIRST">
          <input><inputExpression typeRef="string"><text>category</text></inputExpression></input>
          <input><inputExpression typeRef="number"><text>amount</text></inputExpression></input>
          <output name="out" typeRef="string"/>{cells}
        </decisionTable></decision></definitions>"""
    model = compile_model(document.encode())
    assert not model.problems
    return model


def theirs(count: int) -> object:
    """The table as zen-engine wants it."""
    fields = [{"id": key, "name": key, "field": key} for key in ("category", "amount")]
    content = {
        "hitPolicy": "first",
        "inputs": fields,
        "outputs": [{"id": "out", "name": "out", "field": "out"}],
        "rules": [
            {"_id": str(n), "category": a, "amount": b, "out": c} for n, (a, b, c) in enumerate(rules(count))
        ],
    }
    nodes = [
        {"id": "i", "type": "inputNode", "name": "i"},
        {"id": "t", "type": "decisionTableNode", "name": "t", "content": content},
        {"id": "o", "type": "outputNode", "name": "o"},
    ]
    edges = [
        {"id": "1", "sourceId": "i", "targetId": "t", "type": "edge"},
        {"id": "2", "sourceId": "t", "targetId": "o", "type": "edge"},
    ]
    return zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))


def subjects(count: int) -> dict[str, Callable[[], float]]:
    """What is compared for a table of that many rules: each call gives microseconds per evaluation."""
    model, given, expected = ours(count), inputs(count), f"out{count - 1}"
    assert model.decision("Table", given).value == expected
    found = {
        "taskloom": _timed(lambda: model.decision("Table", given)),
        "taskloom, no trace": _timed(lambda: model.decision("Table", given, traces=False)),
    }
    if zen is not None:
        decision = theirs(count)
        assert decision.evaluate(given)["result"] == {"out": expected}
        found["zen-engine"] = _timed(lambda: decision.evaluate(given))
    return found


def _timed(evaluate: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(EVALUATIONS):
            evaluate()
        return (time.perf_counter() - began) / EVALUATIONS * 1e6

    return run


def main() -> int:
    """Print a table per size; 1 when even the best round takes longer than it may."""
    missed = 0
    for count, must_us in MUST_US.items():
        figures = interleaved(ROUNDS, subjects(count))
        rows = [[name, f"{median(times):.1f}", f"{min(times):.1f}"] for name, times in figures.items()]
        table(f"decision table of {count:,} rules (must <= {must_us:.0f} µs)", ["engine", "µs", "best"], rows)
        missed += min(figures["taskloom"]) > must_us
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
