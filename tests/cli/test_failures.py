"""Errors as the command line prints them, and its exit codes."""

import pytest

from gristmill.errors import Cancelled, GristmillError, InternalError, InvalidQuery
from gristmill_cli.failures import Failures, as_known, error_text


def test_an_error_reads_place_reason_remedy():
    error = InvalidQuery("there is no column prize", place="line 1, column 8", remedy="did you mean price?")
    assert error_text(error).plain == ("error: line 1, column 8: there is no column prize\n  did you mean price?")


def test_an_error_without_place_or_remedy_is_one_line():
    assert error_text(GristmillError("no")).plain == "error: no"


def test_reasons_of_several_lines_are_indented():
    error = GristmillError("no column line\nCandidate bindings: value\n  ^^^^", remedy="one\ntwo")
    assert error_text(error).plain == "error: no column line\n  Candidate bindings: value\n  ^^^^\n  one\n  two"


def test_an_unforeseen_error_asks_for_a_report_without_a_traceback(capsys):
    assert Failures().show(ZeroDivisionError("division by zero")) == 70
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in shown
    assert "Traceback" not in shown


def test_debug_shows_the_traceback(capsys):
    try:
        raise InternalError("broken")
    except InternalError as error:
        Failures(debug=True).show(error)
    assert "Traceback" in capsys.readouterr().err


def test_brackets_in_a_message_are_text(capsys):
    Failures().show(GristmillError("[red]x[/red] is not a list"))
    assert "[red]x[/red]" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (Cancelled("x"), 130), (ValueError(), 70)])
def test_exit_codes(error, code):
    assert as_known(error).exit_code == code
