"""Thin helpers for frameworks, a module each: ``flask``, ``django``, ``fastapi``, ``aiohttp`` and ``aws_lambda``.

Each imports its framework, and no other module does: whoever uses the Flask adapter has Flask.
"""

from ._shared import Options

__all__ = ["Options"]
