# The names of the package ``multipart`` that we use; it has no type information, and python-multipart hides it.

from collections.abc import Iterator
from types import TracebackType
from typing import Self

class MultipartError(ValueError): ...

class MultipartSegment:
    name: str | None
    filename: str | None
    charset: str | None

class PushMultipartParser:
    def __init__(self, boundary: bytes) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def parse(self, chunk: bytes) -> Iterator[MultipartSegment | bytes | None]: ...
