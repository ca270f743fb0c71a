"""Show calls in the admin, with masked numbers."""

import json
from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from .models import Call

if TYPE_CHECKING:  # Django's class takes no type at run time
    ModelAdmin = admin.ModelAdmin[Call]
else:
    ModelAdmin = admin.ModelAdmin


@admin.register(Call)
class CallAdmin(ModelAdmin):
    """A list of calls that can't be changed. Only the last four digits of a number are visible."""

    list_display = ("call_sid", "status", "outcome", "from_number", "to_number", "is_settled")
    list_filter = ("outcome", "status", "is_settled")
    search_fields = ("=call_sid",)
    fields = readonly_fields = list_display  # without `call`, which has the whole numbers

    @admin.display(description="from")
    def from_number(self, row: Call) -> str:
        """Return the masked number of the first party."""
        return masked(row, "from_number")

    @admin.display(description="to")
    def to_number(self, row: Call) -> str:
        """Return the masked number of the second party."""
        return masked(row, "to_number")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only Exotel adds calls."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        """Only Exotel changes calls."""
        return False


def masked(row: Call, name: str) -> str:
    """Return the last four digits of a number of a call."""
    number: str | None = json.loads(row.call or "{}").get(name)
    return f"…{number[-4:]}" if number and len(number) > 7 else ""
