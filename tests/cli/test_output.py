"""Tables, colour, and the bar of long work."""

import io
import sys

import pytest

from taskloom.cli import output


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_table_is_as_wide_as_what_stands_in_it(capsys):
    output.print_table(
        ("name", "created_at"), [{"name": "a", "created_at": None}, {"name": "long name", "created_at": True}]
    )

    assert capsys.readouterr().out == "NAME       CREATED AT\na          -\nlong name  yes\n"


def test_a_cell_is_cut_and_cleaned():
    assert output.cell("x" * 100) == "x" * 59 + "…"
    assert output.cell("a\x1b[2J\nb") == "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b"
    assert (output.cell(["a", "b"]), output.cell([]), output.cell(7)) == ("a,b", "-", "7")


@pytest.mark.parametrize(("variable", "is_painted"), [("", True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(monkeypatch, variable, is_painted):
    monkeypatch.setenv("NO_COLOR", variable)
    monkeypatch.setenv("TERM", "xterm")

    assert output.painted("x", "red", Terminal()) == ("\x1b[31mx\x1b[0m" if is_painted else "x")
    assert output.painted("x", "red", io.StringIO()) == "x"


def test_a_bar_is_drawn_on_a_terminal_and_nowhere_else(monkeypatch):
    for stream, is_drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with output.Progress("doing", 4) as progress:
            for _ in range(4):
                progress.advance()
        assert stream.getvalue().endswith(f"\rdoing [{'#' * 30}] 4/4\n") is is_drawn
        assert bool(stream.getvalue()) is is_drawn
