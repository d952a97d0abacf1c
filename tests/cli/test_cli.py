"""Each command calls one function of `ensue.app` and exits with what it returns."""

import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

import ensue
from ensue import cli
from ensue.base.errors import NotFound
from ensue.config import Config


@pytest.fixture
def app(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for variable in ("ENSUE_DATA", "ENSUE_PORT", "ENSUE_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    stand_in = Mock()
    monkeypatch.setitem(sys.modules, "ensue.app", stand_in)
    monkeypatch.setattr(ensue, "app", stand_in, raising=False)
    return stand_in


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["ensue", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


@pytest.mark.parametrize(
    ("arguments", "function", "passed"),
    [
        (["serve"], "serve", ()),
        (["demo"], "demo", ()),
        (["verify"], "verify", (None, False)),
        (["verify", "--workspace", "ws_1", "--json"], "verify", ("ws_1", True)),
        (["explain", "seg_1", "ct_1", "-w", "ws_1"], "explain", ("ws_1", "seg_1", "ct_1", False)),
        (["tail", "-f", "--json"], "tail", (None, True, True)),
        (["doctor", "--json"], "doctor", (True,)),
        (["backup", "to.db"], "backup", (Path("to.db"),)),
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_a_command_calls_its_function_and_exits_with_its_answer(monkeypatch, app, arguments, function, passed, code):
    getattr(app, function).return_value = code
    assert run(monkeypatch, *arguments) == code
    getattr(app, function).assert_called_once_with(Config(), *passed)


def test_flags_reach_the_configuration(monkeypatch, app, tmp_path):
    app.serve.return_value = 0
    run(monkeypatch, "serve", "--data", "here", "--port", "0", "--public-url", "https://ensue.example.com")
    app.serve.assert_called_once_with(Config(data=tmp_path / "here", port=0, public_url="https://ensue.example.com"))


def test_a_bad_option_is_a_sentence_and_two(monkeypatch, app, capsys):
    assert run(monkeypatch, "serve", "--port", "x") == 2
    assert capsys.readouterr().err == "ensue: --port: must be a whole number from 0 to 65535, not 'x'.\n"
    app.serve.assert_not_called()


@pytest.mark.parametrize("arguments", [["explain", "seg_1"], ["serve", "--prot", "1"], ["sevre"]])
def test_a_wrong_use_is_two(monkeypatch, app, arguments):
    assert run(monkeypatch, *arguments) == 2


def test_an_unknown_variable_is_warned_of(monkeypatch, app, capsys):
    monkeypatch.setenv("ENSUE_PROT", "80")
    app.serve.return_value = 0
    assert run(monkeypatch, "serve") == 0
    assert "did you mean ENSUE_PORT?" in capsys.readouterr().err


def test_an_error_of_ours_is_a_sentence_and_one(monkeypatch, app, capsys):
    app.verify.side_effect = NotFound("There is no workspace ws_1.")
    assert run(monkeypatch, "verify", "-w", "ws_1") == 1
    assert capsys.readouterr().err == "ensue: There is no workspace ws_1.\n"


def test_version(monkeypatch, capsys):
    assert run(monkeypatch, "version") == 0
    assert capsys.readouterr().out == f"ensue {ensue.__version__}\n"


def test_help_names_every_command(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    for command in ("serve", "demo", "verify", "explain", "tail", "doctor", "backup", "version"):
        assert command in said
