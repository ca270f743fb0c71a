"""Check the types of models with events, with the strict type checkers and without the plugin of pydantic."""

from typing import Any, assert_type

from pydantic import BaseModel, TypeAdapter

from exotel_callback import Call, PassthruEvent, PopupEvent, StatusCallback


class Ticket(BaseModel):
    """A model with each event as a field."""

    call: Call
    event: StatusCallback | PassthruEvent | PopupEvent | None = None


def ticket(call: Call, event: StatusCallback, mapping: dict[str, Any]) -> None:
    """Make models, and validate mappings."""
    made = Ticket(call=call, event=event)
    assert_type(made.call, Call)
    assert_type(made.event, StatusCallback | PassthruEvent | PopupEvent | None)
    assert_type(TypeAdapter(StatusCallback).validate_python(mapping), StatusCallback)
    assert_type(Ticket.model_validate(mapping), Ticket)
