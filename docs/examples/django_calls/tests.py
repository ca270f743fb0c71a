"""Test the app: ``python django_complete.py test django_calls``."""

from django.contrib.auth.models import User
from django.test import TestCase

from exotel_callback.testing import SCENARIOS

from .models import Call


class ExotelTest(TestCase):
    """The handler stores the outcome of each call, and refuses a request without the secret."""

    def test_outcomes(self) -> None:
        """The stored outcome of a call is wrong."""
        for name, scenario in SCENARIOS.items():
            with self.subTest(name):
                for delivery in scenario.deliveries():
                    response = self.client.post(
                        "/exotel?secret=right", delivery.body, content_type=delivery.content_type
                    )
                    self.assertEqual(response.status_code, 200)
                self.assertEqual(
                    Call.objects.get(call_sid=scenario.call_sid).outcome, scenario.outcome.value
                )

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
