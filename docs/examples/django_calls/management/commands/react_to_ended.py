"""React to calls that have ended, until the process is stopped."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from django_calls.models import Ended, take
from exotel_callback import Call, Outcome

MISSED = {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CANCELED, Outcome.FAILED}
log = logging.getLogger("calls")


def react(call: Call) -> None:
    """Do what you want to do after a call. This is an example."""
    if call.outcome in MISSED:
        log.warning("call back: %s", call.call_sid)


def work() -> None:
    """React once to each call that has ended. If `react` raises, the next run tries again."""
    for row in Ended.objects.all():
        try:
            with transaction.atomic():
                if call := take(row.call_sid):
                    react(call)
        except Exception:
            log.exception("no reaction to call %s", row.call_sid)


class Command(BaseCommand):
    """The worker: ``python manage.py react_to_ended``."""

    def handle(self, *_: Any, **__: Any) -> None:
        """React once a second."""
        while True:
            work()
            time.sleep(1)
