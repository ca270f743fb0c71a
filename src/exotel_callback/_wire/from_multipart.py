"""The one place that knows the package ``multipart``, which decodes multipart/form-data.

An old ``python-multipart`` (before 0.0.13) installs a package of the same name that is found first.
"""

# Where python-multipart is installed too, pyright finds that one, and takes its names for these.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from .._errors import DecodeError

try:
    from multipart import (
        MultipartError,
        MultipartSegment,
        PushMultipartParser,
    )
except ImportError as error:
    message = (
        "multipart/form-data needs the package 'multipart', and another one of that name was found: "
        "python-multipart before 0.0.13 hides it. Upgrade it: pip install --upgrade python-multipart"
    )
    raise ImportError(message) from error


def read_parts(body: bytes, boundary: bytes) -> list[tuple[str, str | None, bytes]]:
    """Return each field's name, declared charset and value. Parts with a file name are uploads, and no fields."""
    parts: list[tuple[str, str | None, bytes]] = []
    segment: MultipartSegment | None = None
    value = b""
    try:
        with PushMultipartParser(boundary) as parser:
            for event in parser.parse(body):
                if event is None:
                    if segment is not None and segment.filename is None:
                        parts.append((segment.name or "", segment.charset, value))
                elif isinstance(event, MultipartSegment):
                    segment, value = event, b""
                else:
                    value += event
    except MultipartError:
        pass
    else:
        return parts
    problem = "not multipart/form-data: broken, cut off, or with another boundary than its header's"
    raise DecodeError(problem)
