"""Provide one adapter module per framework: ``flask``, ``django``, ``fastapi``, ``starlette`` and ``aiohttp``.

``asgi`` and ``wsgi`` serve all other frameworks of these two kinds, and ``aws_lambda`` serves AWS. Only the adapter of
a framework imports it. So you need Flask only if you use the Flask adapter.
"""

from ._shared import Options, Reader

__all__ = ["Options", "Reader"]
