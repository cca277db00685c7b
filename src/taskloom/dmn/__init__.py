"""DMN decision models: pure, built on FEEL, useful on their own.

    model = compile_model(xml_bytes, [imported_xml_bytes])
    outcome = model.decision("Routing", {"Age": 18, "Score": 700})
    outcome.value      # a FEEL value
    outcome.decisions  # what was evaluated: inputs, matched rules, outputs
    outcome.faults     # violations of types, hit policies, ...: each made some value null
    outcome.failure    # a passed limit, else None
    model.problems     # what is wrong with the model itself; look at them before deploying

`model.service(name, inputs)` and `model.knowledge_model(name, arguments)` evaluate the other two kinds of
invocable elements. Inputs are FEEL values; `model.inputs_from_json(parsed)` reads texts as dates, times and
durations where the model declares such types. Nothing but `DmnError` (the XML is no DMN) and
`UnknownElementError` (no element of that name) is raised. A compiled model may be used by several threads.
"""

from taskloom.dmn.engine import DecisionModel, UnknownElementError, compile_model
from taskloom.dmn.graph import Problem, Severity
from taskloom.dmn.model import Definitions, DmnError
from taskloom.dmn.parse import parse_dmn
from taskloom.dmn.trace import (
    DecisionRecord,
    Fault,
    InputRecord,
    Outcome,
    OutputRecord,
    RuleRecord,
    TableRecord,
)

__all__ = [
    "DecisionModel",
    "DecisionRecord",
    "Definitions",
    "DmnError",
    "Fault",
    "InputRecord",
    "Outcome",
    "OutputRecord",
    "Problem",
    "RuleRecord",
    "Severity",
    "TableRecord",
    "UnknownElementError",
    "compile_model",
    "parse_dmn",
]
