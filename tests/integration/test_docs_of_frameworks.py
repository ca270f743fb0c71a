"""Run the Python of the pages that need the dependency group `frameworks`."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from types import ModuleType

import pytest

import exotel_callback
from exotel_callback import CallbackError, StatusCallback, dump, merge, parse
from helpers import ENCODERS, PAGE, ROOT, TESTS, search_path
from pages import PAGE_OF_OBSERVERS, python_blocks

PYDANTIC = ROOT / "docs" / "how-to" / "pydantic.md"
DJANGO = ROOT / "docs" / "how-to" / "django.md"
REASON = "it isn't installed: install the dependency group frameworks"


def test_observe():
    """The Python of the page raises, or prints another result than the page shows."""
    for module in ("prometheus_client", "opentelemetry.trace", "sentry_sdk"):
        pytest.importorskip(module, reason=REASON)
    # In a process of its own, because Sentry changes the frameworks that it finds.
    code = "import pages; pages.run_page(pages.PAGE_OF_OBSERVERS)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": search_path(TESTS)}, check=False
    )
    assert done.returncode == 0


SERIES = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  # A wrong secret: calls are refused, and none gets through.
  - interval: 1m
    input_series:
      - {series: 'exotel_refused_total{error="AuthenticationError"}', values: '0x9 1+1x20'}
      - {series: 'exotel_events_total{outcome="connected"}', values: '5+1x4 9x30'}
    alert_rule_test:
      - {eval_time: 10m, alertname: ExotelNothingGetsThrough}
      - {eval_time: 18m, alertname: ExotelNothingGetsThrough, exp_alerts: [{}]}
      - {eval_time: 18m, alertname: ExotelInvalidRequests}
  # One scan at a time without calls, and many scans at a time with calls.
  - interval: 1m
    input_series:
      - {series: 'exotel_refused_total{error="AuthenticationError"}', values: '0x9 1x20 2+1x20'}
      - {series: 'exotel_events_total{outcome="connected"}', values: '9x29 10+1x20'}
    alert_rule_test:
      - {eval_time: 12m, alertname: ExotelNothingGetsThrough}
      - {eval_time: 16m, alertname: ExotelNothingGetsThrough}
      - {eval_time: 20m, alertname: ExotelNothingGetsThrough}
      - {eval_time: 40m, alertname: ExotelNothingGetsThrough}
  # One request that can't be parsed.
  - interval: 1m
    input_series:
      - {series: 'exotel_refused_total{error="DecodeError",status="400"}', values: '0x9 1x40'}
    alert_rule_test:
      - {eval_time: 9m, alertname: ExotelInvalidRequests}
      - {eval_time: 11m, alertname: ExotelInvalidRequests, exp_alerts: [{}]}
      - {eval_time: 30m, alertname: ExotelInvalidRequests}
"""


def test_rules_of_prometheus(tmp_path):
    """An alert of the page doesn't fire when it should, or fires when it shouldn't."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    (rules,) = re.findall(r"^```yaml\n(.*?)^```", PAGE_OF_OBSERVERS.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "rules.yml").write_text(rules)
    (tmp_path / "series.yml").write_text(SERIES)
    done = subprocess.run(
        [promtool, "test", "rules", "series.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_values_at_the_start():
    """The page doesn't create a counter for a class of errors, so an alert doesn't see its first event."""
    prometheus = pytest.importorskip("prometheus_client", reason=REASON)
    registry = prometheus.CollectorRegistry()
    namespace = {}
    for name in ("EVENTS", "REFUSED"):
        labels = ["outcome"] if name == "EVENTS" else ["error", "status"]
        namespace[name] = prometheus.Counter(name.lower(), "", labels, registry=registry)
    exec(next(block for block in python_blocks(PAGE_OF_OBSERVERS) if "STATUSES" in block), namespace)
    assert set(namespace["STATUSES"]) == {cls.__name__ for cls in CallbackError.__subclasses__()}
    source = "\n".join(path.read_text() for path in Path(exotel_callback.__file__).parent.rglob("*.py"))
    raised = {int(status) for status in re.findall(r"(?:status_hint=|_status(?:: \S+)? = )(\d+)", source)}
    assert {status for statuses in namespace["STATUSES"].values() for status in statuses} == raised
    for error, statuses in namespace["STATUSES"].items():
        for status in statuses:
            assert registry.get_sample_value("refused_total", {"error": error, "status": str(status)}) == 0
    assert registry.get_sample_value("events_total", {"outcome": "busy"}) == 0


def test_sentry_gets_no_personal_data():
    """With the options of the page, Sentry still gets the body, a local variable or the secret."""
    sentry_sdk = pytest.importorskip("sentry_sdk", reason=REASON)
    from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
    from werkzeug.test import Client

    namespace, events = {}, []
    block = next(block for block in python_blocks(PAGE_OF_OBSERVERS) if "sentry_sdk" in block)
    exec(block.partition("sentry_sdk.init(")[0], namespace)

    def keep(event, hint):
        events.append(namespace["without_query"](event, hint))

    class Nowhere(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            pass

    quiet = {"default_integrations": False, "auto_enabling_integrations": False, "transport": Nowhere}
    options = {**namespace["SENTRY_OPTIONS"], **quiet}
    sentry_sdk.init("http://a@127.0.0.1:1/1", before_send=keep, **options)

    def handle(body):
        number = parse(body).from_number
        raise LookupError(f"{len(number)} digits")

    def app(environ, _):
        handle(environ["wsgi.input"].read())

    body, content_type = ENCODERS["form"](PAGE)
    secret = token_hex()  # Sentry sends lines of the source, so the secret must not be in one.
    with pytest.raises(LookupError):
        Client(SentryWsgiMiddleware(app)).post(f"/?secret={secret}", data=body, content_type=content_type)
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    (event,) = events
    text = json.dumps(event, default=repr)
    assert "LookupError" in text
    for personal in (PAGE["From"], PAGE["To"], PAGE["CustomField"], secret):
        assert personal not in text


def test_an_attribute_of_opentelemetry():
    """The attributes of the page aren't recorded."""
    pytest.importorskip("opentelemetry.sdk.trace", reason=REASON)
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    namespace = {"StatusCallback": StatusCallback}
    exec(next(block for block in python_blocks(PAGE_OF_OBSERVERS) if "opentelemetry" in block), namespace)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    namespace["tracer"] = provider.get_tracer("calls")
    namespace["process"](parse({"CallSid": "a", "Status": "busy", "Direction": "sideways"}))
    (span,) = exporter.get_finished_spans()
    expected = {"exotel.call_sid": "a", "exotel.outcome": "busy", "exotel.issues": ("unknown-value",)}
    assert dict(span.attributes) == expected


@pytest.fixture
def litestar_client(monkeypatch):
    """Return a client of the application on the page of pydantic."""
    pytest.importorskip("litestar", reason=REASON)
    from litestar.testing import TestClient

    page = ModuleType("page_of_litestar")  # Litestar resolves annotations in the globals of the module.
    monkeypatch.setitem(sys.modules, "page_of_litestar", page)
    exec(next(block for block in python_blocks(PYDANTIC) if "litestar" in block), vars(page))
    with TestClient(page.app) as client:
        yield client


def test_litestar_takes_and_returns_events(litestar_client):
    """A handler of Litestar gets or returns anything else than the dumps."""
    callback = parse(PAGE)
    call = dump(merge(callback))
    for path, expected in (("/merged", call), ("/each", [call])):
        answer = litestar_client.post(path, json=dump(callback))
        assert (answer.status_code, answer.json()) == (201, expected)
    document = litestar_client.get("/schema/openapi.json").json()
    body = document["paths"]["/merged"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"description": "The dump of a StatusCallback"}


@pytest.mark.parametrize("body", [{"from_number": PAGE["From"]}, [PAGE["From"]], PAGE["From"], PAGE])
def test_litestar_refuses_anything_else(litestar_client, body):
    """Litestar accepts an invalid dump, or shows it."""
    answer = litestar_client.post("/merged", json=body)
    assert answer.status_code == 400
    assert "made by dump()" in answer.json()["detail"]
    assert PAGE["From"] not in answer.text
    assert litestar_client.post("/merged", content=b"{").status_code == 400


def test_msgspec():
    """The Python of the page raises, or msgspec now writes events itself, which the page denies."""
    msgspec = pytest.importorskip("msgspec", reason=REASON)
    exec(next(block for block in python_blocks(PYDANTIC) if "msgspec" in block), {})
    with pytest.raises(TypeError, match="RawPayload"):
        msgspec.json.encode(parse(PAGE))

    def refuse(*_):
        raise LookupError

    assert msgspec.convert(dump(parse(PAGE)), StatusCallback, dec_hook=refuse) == parse(PAGE)


@pytest.fixture
def django_pages(monkeypatch):
    """Run the blocks of Django's page, and return the stored callbacks and a client for its views."""
    for name in ("django", "rest_framework", "ninja"):
        if find_spec(name) is None:  # Importing Ninja needs settings.
            pytest.skip(f"{name}: {REASON}")
    import django
    from django.conf import settings
    from django.test import override_settings
    from django.urls import path

    monkeypatch.setenv("EXOTEL_SECRET", "right")
    if not settings.configured:
        settings.configure()
    django.setup()
    page = ModuleType("page_of_django")
    monkeypatch.setitem(sys.modules, "page_of_django", page)
    changed = override_settings(
        ROOT_URLCONF="page_of_django",
        ALLOWED_HOSTS=["testserver"],
        REST_FRAMEWORK={"EXCEPTION_HANDLER": "page_of_django.on_error", "UNAUTHENTICATED_USER": None},
    )
    with changed:
        for block in python_blocks(DJANGO):
            exec(block, vars(page))
        stored = []
        page.store = stored.append
        page.urlpatterns = [path("rest", page.rest_view), path("ninja/", page.api.urls)]
        from django.test import Client

        yield stored, Client(raise_request_exception=True)


@pytest.mark.parametrize("path", ["/rest", "/ninja/exotel"])
def test_frameworks_on_django(django_pages, path):
    """A framework on Django misreads a callback, or answers an error without its status."""
    stored, client = django_pages
    for encode in ENCODERS.values():
        body, content_type = encode(PAGE)
        assert client.post(f"{path}?secret=right", body, content_type=content_type).status_code == 200
        chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        chunked["wsgi.input"] = BytesIO(body)
        assert client.post(f"{path}?secret=right", body, content_type=content_type, **chunked).status_code == 200
        answer = client.post(f"{path}?secret=wrong", body, content_type=content_type)
        assert (answer.status_code, answer.json()) == (401, {"detail": "the secret is wrong or missing"})
        large = encode({**PAGE, "CustomField": "x" * 70_000})[0]
        assert client.post(f"{path}?secret=right", large, content_type=content_type).status_code == 413
    assert [dump(callback) for callback in stored] == [dump(parse(PAGE))] * 6
    assert client.get(path).status_code == 405
