"""Thin helpers for frameworks, a module each: ``flask``, ``django``, ``fastapi``, ``aiohttp`` and ``aws_lambda``.

Each imports its framework and nothing else does: whoever uses the Flask adapter has Flask.
"""
