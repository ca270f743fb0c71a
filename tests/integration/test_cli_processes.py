"""Test the command in its own process, where a terminal or an import matters."""

import json
from importlib.metadata import version

import pytest

from command import run_on_terminal, run_process
from exotel_callback.__main__ import _EXTRAS
from helpers import LEAST, PAGE, search_path


def test_version():
    """``--version`` prints another version than the installed one."""
    assert run_process("--version")[1] == f"exotel-callback, version {version('exotel-callback')}\n"


def test_explain_on_a_terminal_without_utf_8():
    """``explain`` raises on a terminal that can't show a character."""
    payload = {**PAGE, "CustomField": "caf\xe9"}
    code, out, _ = run_process(
        "explain", "--show-personal", stdin=json.dumps(payload).encode(), PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )
    assert (code, out.isascii()) == (0, True)
    assert r"caf\xe9" in out


def test_progress_is_shown_on_a_terminal_only(tmp_path):
    """Progress is shown without a terminal, or on standard output between the results."""
    path, results = tmp_path / "in", tmp_path / "results"
    path.write_bytes((json.dumps(LEAST) + "\n").encode() * 50 + b"nope\n")
    shown = run_on_terminal(results, "parse", "--ndjson", path)
    assert len(results.read_bytes().splitlines()) == 50
    assert b"51 read" in shown
    assert b'"line": 51' in shown


def test_progress_does_not_erase_typed_input(tmp_path):
    """The progress bar erases a body while the user pastes it into the terminal."""
    results = tmp_path / "results"
    shown = run_on_terminal(results, "parse", typed=b"CallSid=a&Status=busy\n\x04")
    assert json.loads(results.read_bytes())["outcome"] == "busy"
    assert b"CallSid=a&Status=busy" in shown
    assert b"\x1b" not in shown


# Each package that may be missing: its extra, what needs it by the message, and a command that needs it.
NEEDED = {
    "click": ("cli", "exotel-callback", "explain"),
    "rich": ("cli", "exotel-callback", "explain"),
    "httpcore2": ("cli", "sending requests", "send http://127.0.0.1:1/ busy"),
    "httpx2": ("cli", "sending requests", "send http://127.0.0.1:1/ busy"),
    "pyarrow": ("cli,arrow", "exotel-callback convert", "convert - {}/out.parquet"),
    "matplotlib": ("report", "--report", "convert - {0}/out.parquet --report {0}/report.html"),
}


@pytest.mark.parametrize("package", NEEDED)
def test_without_the_extra(tmp_path, package):
    """The error without an extra doesn't say how to install it."""
    extra, needs, command = NEEDED[package]
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})")
    told = run_process(*command.format(tmp_path).split(), stdin=b"{}", PYTHONPATH=search_path(tmp_path))
    how = f"run pip install 'exotel-callback[{extra}]' (in a clone: pip install '.[{extra}]')"
    assert told == (1, "", f"{needs} needs the package {package}; {how}\n")


@pytest.mark.parametrize("arguments", [["explain"], ["parse"]])
def test_commands_that_read_callbacks_need_only_click_and_rich(tmp_path, arguments):
    """A command imports the packages of another one, so it starts slowly or needs its extra."""
    for package in NEEDED.keys() - {"click", "rich"}:
        (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})")
    body = json.dumps(LEAST).encode()
    assert run_process(*arguments, stdin=body, PYTHONPATH=search_path(tmp_path))[::2] == (0, "")


def test_the_help_needs_only_the_extra_cli(tmp_path):
    """The help imports every command, and one of them needs another extra when it is imported."""
    for package, (extra, *_) in NEEDED.items():
        if extra != "cli":
            (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})")
    for arguments in (["--help"], ["convert", "--help"]):
        assert run_process(*arguments, PYTHONPATH=search_path(tmp_path))[::2] == (0, "")


def test_every_extra_is_tested():
    """A package of an extra has no command in the test above."""
    assert {package: (needs, extra) for package, (extra, needs, _) in NEEDED.items()} == _EXTRAS


def test_another_missing_module(tmp_path):
    """The error for another missing module advises to install an extra, which wouldn't help."""
    (tmp_path / "click.py").write_text("import nowhere_to_be_found")
    _, _, err = run_process("explain", stdin=b"{}", PYTHONPATH=search_path(tmp_path))
    assert err.endswith("\nModuleNotFoundError: No module named 'nowhere_to_be_found'\n")
