"""Test the package ``multipart``, and the package that hides it."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers import MEASURED, search_path

PARSE_MULTIPART = """
from exotel_callback import parse
body = b'--x\\r\\nContent-Disposition: form-data; name="%s"\\r\\n\\r\\n%s\\r\\n'
body = body % (b"CallSid", b"a") + body % (b"Status", b"busy") + b"--x--\\r\\n"
print(parse(b'{"CallSid": "a", "Status": "busy"}').status)
print(parse(body, "multipart/form-data; boundary=x").status)
print(parse(body.replace(b"form-data;", b"form-data ;"), "multipart/form-data; boundary=x").status)
"""


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def parse_multipart(path: Path):
    environment = {**MEASURED, "PYTHONPATH": search_path(path)}
    command = [sys.executable, "-c", PARSE_MULTIPART]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(("version", "hides"), [("0.0.12", True), ("0.0.20", False)])
def test_python_multipart(tmp_path, version, hides):
    """An unusual multipart body is misread, or the error names no cure; JSON or plain bodies are refused too."""
    done = pip("install", "--no-deps", "--target", str(tmp_path), f"python-multipart=={version}")
    if done.returncode:
        pytest.skip(f"python-multipart {version} cannot be installed here: {done.stderr.strip()[-200:]}")
    result = parse_multipart(tmp_path)
    if hides:
        assert result.stdout == "busy\nbusy\n"
        assert "ImportError" in result.stderr
        assert "pip install --upgrade python-multipart" in result.stderr
    else:
        assert (result.stdout, result.returncode) == ("busy\nbusy\nbusy\n", 0)
