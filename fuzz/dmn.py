"""Any bytes, and any FEEL text put into a model, end in a DmnError or in outcomes. Run: python fuzz/dmn.py"""

import sys
from xml.sax.saxutils import escape

import atheris

with atheris.instrument_imports():
    from taskloom.dmn import DmnError, compile_model

MODEL = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="urn:f" name="f">
<itemDefinition name="t"><typeRef>{kind}</typeRef>
<allowedValues><text>{tests}</text></allowedValues></itemDefinition>
<inputData id="x" name="x"><variable name="x" typeRef="t"/></inputData>
<decision id="d" name="D"><variable name="D"/>
<informationRequirement><requiredInput href="#x"/></informationRequirement>
<decisionTable hitPolicy="{policy}"><input><inputExpression><text>{text}</text></inputExpression></input>
<output/><rule><inputEntry><text>{tests}</text></inputEntry><outputEntry><text>{text}</text></outputEntry></rule>
</decisionTable></decision></definitions>"""


def one_input(data):
    provider = atheris.FuzzedDataProvider(data)
    document = data
    if provider.ConsumeBool():
        policy = provider.PickValueInList(["UNIQUE", "FIRST", "ANY", "PRIORITY", "COLLECT", "OUTPUT ORDER"])
        kind = provider.PickValueInList(["number", "string", "date", "t", "list<number>"])
        text, tests = (escape(provider.ConsumeUnicodeNoSurrogates(60)) for _ in range(2))
        document = MODEL.format(policy=policy, kind=kind, text=text, tests=tests).encode()
    try:
        model = compile_model(document)
    except DmnError:
        return
    for name in model.names():
        for value in (1, "a", None, [1], {"a": 1}):
            model.decision(name, {"x": value}).as_context()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
