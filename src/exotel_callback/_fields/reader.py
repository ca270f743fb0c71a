"""Read fields and values completely. For any input, the reader returns a value and collects the issues."""

from datetime import tzinfo
from typing import Final

from .._errors import Issue, IssueCode
from .._wire.payload import FilePart, RawPayload, Repeated
from .kinds import NOT_YET, UNSTORABLE, Kind, as_text, is_empty, scalar_text
from .names import chosen_name
from .table import WireField

_CONTAINERS: Final = frozenset({tuple, Repeated, RawPayload})


class FieldReader:
    """A reader of the fields and legs of one payload that collects the issues."""

    __slots__ = ("issues", "raw", "zone")

    def __init__(self, raw: RawPayload, zone: tzinfo) -> None:
        self.raw = raw
        self.zone = zone
        self.issues: list[Issue] = []

    def field(self, field: WireField, path: str = "") -> object:
        """Read a field by any of its names. A missing required field leaves an issue.

        :param path: The beginning of the issue's path.
        """
        _, names, kind, is_required = field
        name = names[0] if len(names) == 1 else chosen_name(self.raw, names)
        received = self.raw.get(name)
        if len(names) > 1 and name in self.raw:
            self._note_repeated(names, name, path)
        value = self.value(kind, received, path + name)
        if value is None and is_required:
            if is_empty(received):
                self.note(path + name, IssueCode.MISSING)
            else:  # An invalid status still reports that something happened.
                return kind.fallback
        return value

    def _note_repeated(self, names: tuple[str, ...], chosen: str, path: str) -> None:
        """Add an issue for a name that isn't chosen because its first value is empty, and a later one is different."""
        for name in names:
            if name != chosen:
                self.first(self.raw.get(name), path + name)
            elif not is_empty(self.raw.get(name)):
                break

    def note(self, path: str, code: IssueCode, value: object = None) -> None:
        """Add an issue with the value as a string."""
        self.issues.append(Issue.at(path, code, value if type(value) is str else as_text(value)))

    def value(self, kind: Kind, value: object, path: str) -> object:
        """Read one value. An invalid value leaves an issue."""
        if type(value) is not str:
            if isinstance(value, Repeated):
                value = self.first(value, path)
            if value is None or isinstance(value, FilePart):
                return kind.if_empty
            text = scalar_text(value)
            if text is None:
                self.note(path, IssueCode.WRONG_TYPE if type(value) in _CONTAINERS else kind.type_issue, value)
                return None
            value = text
        text = kind.trim(value)
        if text.lower() in kind.empty_values:
            return kind.if_empty
        if ("\0" in text or not text.isascii()) and UNSTORABLE.search(text):
            self.note(path, IssueCode.INVALID_STRING, text)
            return None
        result = kind.read(text, self.zone)
        if result is None:
            self.note(path, kind.parse_issue, text)
            return kind.fallback
        return None if result is NOT_YET else result

    def first(self, value: object, path: str) -> object:
        """Return the first value of a repeated name. A different later value leaves an issue."""
        if not isinstance(value, Repeated):
            return value
        texts = [as_text(item) for item in value]
        for text in texts:
            if text != texts[0]:
                self.note(path, IssueCode.REPEATED, text)
                break
        return value[0] if value else None

    def differs(self, kind: Kind, value: object, other: object) -> bool:
        """Return whether two values of one field have different meanings. This never leaves an issue."""
        return self._meaning(kind, value) != self._meaning(kind, other)

    def _meaning(self, kind: Kind, value: object) -> object:
        if isinstance(value, Repeated) and value:
            value = value[0]
        if is_empty(value):
            return None
        text = kind.trim(as_text(value))
        meaning = kind.read(text, self.zone)
        return text if meaning is None else meaning
