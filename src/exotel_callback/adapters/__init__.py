"""Provide one adapter module per framework: ``flask``, ``django``, ``fastapi``, ``aiohttp`` and ``aws_lambda``.

Only the adapter of a framework imports it. So you need Flask only if you use the Flask adapter.
"""

from ._shared import Options, Reader

__all__ = ["Options", "Reader"]
