"""External functions: the fixed table of Java's pure functions, and nothing beyond it."""

from decimal import Decimal

import pytest

from taskloom.feel import WarningCode, compile_expression

FORMAT = "format(java.lang.String, [Ljava.lang.Object;)"


def call(owner, signature, arguments, mode):
    names = ", ".join(f"p{number}" for number, _ in enumerate(arguments))
    mapping = f'{{java: {{class: "{owner}", method signature: "{signature}"}}}}'
    text = f"(function({names}) external {mapping})({', '.join(arguments)})"
    return compile_expression(text, mode=mode).evaluate({})


@pytest.mark.parametrize("mode", ["closure", "generated"])
@pytest.mark.parametrize(
    ("owner", "signature", "arguments", "expected"),
    [
        ("java.lang.Math", "max(int, int)", ["3", "7"], 7),
        ("java.lang.Math", "max(double,double)", ["3.5", "-7"], Decimal("3.5")),
        ("java.lang.Math", "sqrt(double)", ["16"], 4),
        ("java.lang.Math", "round(double)", ["-2.5"], -2),
        ("java.lang.Math", "floorMod(long, long)", ["-7", "3"], 2),
        ("java.lang.Math", "signum(double)", ["-7"], -1),
        ("java.lang.Math", "sqrt(double)", ["-1"], None),
        ("java.lang.Math", "log(double)", ["0"], None),
        ("java.lang.Math", "max(int, int)", ["2147483648", "1"], None),
        ("java.lang.Math", "max(long, long)", ["2147483648", "1"], 2147483648),
        ("java.lang.Math", "max(int, int)", ["1.5", "1"], None),
        ("java.lang.Math", "max(int, int)", ['"1"', "1"], None),
        ("java.lang.Math", "max(int, int)", ["null", "1"], None),
        ("java.lang.Integer", "valueOf(java.lang.String)", ['"-12"'], -12),
        ("java.lang.Integer", "valueOf(java.lang.String)", ['"x"'], None),
        ("java.lang.Double", "parseDouble(java.lang.String)", ['"1.5e2"'], 150),
        ("java.lang.Boolean", "valueOf(java.lang.String)", ['"TRUE"'], True),
        ("java.lang.Character", "valueOf(char)", ['"a"'], "a"),
        ("java.lang.String", "valueOf(java.lang.Object)", ["1.50"], "1.5"),
        ("java.lang.String", "valueOf(boolean)", ["true"], "true"),
        ("java.lang.String", FORMAT, ['"%s-%5d|%.2f%%"', '["a", 7, 1.005]'],
         "a-    7|1.00%"),
        ("java.lang.String", FORMAT, ['"foo %s"', '"bar"'], "foo bar"),
        ("java.lang.String", FORMAT, ['"%s %s"', '["a"]'], None),
        ("java.lang.String", FORMAT, ['"%99999s"', '["a"]'], None),
        ("java.lang.String", FORMAT, ['"%c"', '["a"]'], None),
        ("java.lang.String", FORMAT, ['"%d"', '["a"]'], None),
    ],
)  # fmt: skip
def test_a_known_function_follows_its_signature(owner, signature, arguments, expected, mode):
    result = call(owner, signature, arguments, mode)
    assert result.value == expected
    assert bool(result.warnings) is (expected is None)


@pytest.mark.parametrize("mode", ["closure", "generated"])
@pytest.mark.parametrize(
    ("owner", "signature"),
    [
        ("java.lang.System", "exit(int)"),
        ("java.lang.Runtime", "exec(java.lang.String)"),
        ("java.lang.Math", "nothing(int)"),
        ("java.lang.Math", "max(int, int)"),
        ("java.lang.Math", "abs int"),
    ],
)
def test_everything_else_is_unknown(owner, signature, mode):
    result = call(owner, signature, ["1"], mode)
    assert result.value is None
    assert WarningCode.UNSUPPORTED in [warning.code for warning in result.warnings]


@pytest.mark.parametrize(
    "mapping", ["1", "{}", "{java: 1}", '{java: {class: "java.lang.Math"}}', "{pmml: {}}"]
)
def test_mappings_that_name_no_method_are_unknown(mapping):
    assert compile_expression(f"(function(a) external {mapping})(1)").evaluate({}).value is None
