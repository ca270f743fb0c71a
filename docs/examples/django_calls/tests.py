"""Test the app: ``python django_complete.py test django_calls``."""

import json
from collections.abc import Iterable

from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis.extra.django import TestCase

from exotel_callback import load_call, merge, parse
from exotel_callback.strategies import deliveries
from exotel_callback.testing import SCENARIOS, Delivery

from .models import Call


class ExotelTest(TestCase):
    """The handler stores the outcome of each call, and refuses a request without the secret."""

    def play(self, call_sid: str, posted: Iterable[Delivery]) -> Call:
        """Send the requests of a call to the app, and return the stored call."""
        for item in posted:
            response = self.client.generic(
                "POST", "/exotel?secret=right", item.body, item.content_type
            )
            self.assertEqual(response.status_code, 200)
        return Call.objects.get(call_sid=call_sid)

    def test_outcomes(self) -> None:
        """The stored outcome of a call is wrong."""
        for name, scenario in SCENARIOS.items():
            with self.subTest(name):
                stored = self.play(scenario.call_sid, scenario.deliveries())
                self.assertEqual(stored.outcome, scenario.outcome.value)

    @settings(deadline=None, max_examples=50)
    @given(deliveries())
    def test_fuzz(self, posted: list[Delivery]) -> None:
        """A repeated, late, lost or unusual request makes the stored call wrong."""
        call = merge(*(parse(item.body, item.content_type) for item in posted))
        self.assertEqual(load_call(json.loads(self.play(call.call_sid, posted).call)), call)

    def test_wrong_secret(self) -> None:
        """A request without the secret is accepted."""
        self.assertEqual(
            self.client.post("/exotel", {"CallSid": "a", "Status": "busy"}).status_code, 401
        )

    def test_the_admin_masks_numbers(self) -> None:
        """A page of the admin shows a whole number."""
        sent = {"CallSid": "a", "Status": "busy", "From": "09876543210", "To": "09123456789"}
        self.client.post("/exotel?secret=right", sent)
        self.client.force_login(User.objects.create_superuser("admin"))
        for url in ("/admin/django_calls/call/", "/admin/django_calls/call/a/change/"):
            response = self.client.get(url)
            self.assertContains(response, "…3210")
            self.assertNotContains(response, "09876543210")
