"""Test the page on queues: each example gets a callback through its queue and its worker."""

import asyncio
import json
import re
import socket
import threading

import pytest

from exotel_callback import Call, dump, merge, parse
from helpers import PAGE, ROOT
from pages import run_page

QUEUES = ROOT / "docs" / "how-to" / "queues.md"
EVENT = parse(PAGE)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def example(monkeypatch):
    """Return a function that runs the code of a section, and returns its names and the stored events."""
    for name, value in {"BROKER_URL": "memory://", "EXOTEL_SECRET": "right", "HUEY_SECRET": "for tests"}.items():
        monkeypatch.setenv(name, value)

    def run(section):
        stored = []
        text = re.split(rf"^## {section}\n", QUEUES.read_text(), flags=re.MULTILINE)[1].split("\n## ")[0]
        namespace = {"__name__": "tasks", "store": stored.append}
        for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            if ">>>" not in block:
                exec(compile(block, f"{QUEUES.name}, {section}", "exec"), namespace)
        return namespace, stored

    return run


def test_celery(example):
    """A task gets something else than the callback or the call that the handler passed."""
    pytest.importorskip("celery")
    from celery.contrib.testing.worker import start_worker

    names, stored = example("Celery")
    app = names["app"]
    app.conf.broker_transport_options = {"polling_interval": 0.05}
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        names["handle"].delay(EVENT)
        names["handle"].delay(merge(EVENT))
        wait_for(lambda: len(stored) == 2)
    assert stored == [EVENT, merge(EVENT)]
    assert isinstance(stored[1], Call)


def wait_for(is_done):
    """Wait until a worker in another thread has finished."""
    for _ in range(300):
        if is_done():
            return
        threading.Event().wait(0.05)
    pytest.fail("the worker did not finish")


def test_dramatiq(example):
    """An actor gets something else than the callback that the handler passed."""
    dramatiq = pytest.importorskip("dramatiq")
    from dramatiq.brokers.stub import StubBroker

    broker = StubBroker()
    dramatiq.set_broker(broker)
    names, stored = example("Dramatiq")
    worker = dramatiq.Worker(broker, worker_timeout=100)
    worker.start()
    names["handle"].send(dump(EVENT))
    broker.join("default", timeout=10_000)
    worker.join()
    worker.stop()
    assert stored == [EVENT]


def test_rq(example, monkeypatch, caplog):
    """A job gets something else than the callback that the handler passed, or RQ logs a number."""
    pytest.importorskip("rq")
    fakeredis = pytest.importorskip("fakeredis")
    from rq import Queue, SimpleWorker
    from rq.serializers import JSONSerializer

    names, stored = example("RQ")
    connection = fakeredis.FakeStrictRedis()
    monkeypatch.setattr("pages.handle", names["handle"], raising=False)  # RQ imports functions by name
    names["handle"].__module__ = "pages"
    with caplog.at_level("INFO"):
        names["enqueue"](connection, EVENT)
        queue = Queue("calls", connection=connection, serializer=JSONSerializer)
        worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
        worker.work(burst=True, with_scheduler=False)
    assert stored == [EVENT]
    assert EVENT.call_sid in caplog.text
    assert EVENT.from_number not in caplog.text


def test_arq(example, monkeypatch):
    """A job gets something else than the callback that the handler passed, or a redelivery makes a second job."""
    pytest.importorskip("arq")
    fakeredis = pytest.importorskip("fakeredis")
    from arq import Worker, create_pool
    from arq.connections import RedisSettings

    names, stored = example("arq")

    async def no_info(*_):
        """Do nothing, because fakeredis has no ``INFO``."""

    monkeypatch.setattr("arq.worker.log_redis_info", no_info)

    async def store(event):
        stored.append(event)

    names["store"] = store
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = fakeredis.TcpFakeServer(("127.0.0.1", port), server_type="redis")
    threading.Thread(target=server.serve_forever, daemon=True).start()

    async def main():
        names["WorkerSettings"].redis_settings = RedisSettings("127.0.0.1", port)
        settings = {name: value for name, value in vars(names["WorkerSettings"]).items() if name[0] != "_"}
        serializers = {"job_serializer": names["to_json"], "job_deserializer": json.loads}
        pool = await create_pool(settings["redis_settings"], **serializers)
        for _ in range(2):
            await pool.enqueue_job("handle", dump(EVENT), _job_id=EVENT.event_key)
        worker = Worker(**settings, burst=True, poll_delay=0.01, handle_signals=False)
        await worker.main()
        await worker.close()
        await pool.aclose()

    try:
        asyncio.run(main())
    finally:
        server.shutdown()
        server.server_close()
    assert stored == [EVENT]


def test_huey(example, monkeypatch):
    """A task gets something else than the callback that the handler passed, or accepts a message of another sender."""
    pytest.importorskip("huey")
    import huey

    monkeypatch.setattr(huey, "RedisHuey", huey.MemoryHuey)
    names, stored = example("Huey")
    names["handle"](dump(EVENT))
    names["huey"].execute(names["huey"].dequeue())
    assert stored == [EVENT]
    names["huey"].storage.enqueue(b"not signed")
    with pytest.raises(ValueError, match=r"[Ss]eparator"):
        names["huey"].dequeue()


def test_sqs(example, monkeypatch):
    """The function for SQS stores an event without the secret, or the page shows another result."""
    names, stored = example("API Gateway, SQS and Lambda")
    from pages import python_blocks

    monkeypatch.setattr("builtins.store", stored.append, raising=False)
    others = [block for block in python_blocks(QUEUES) if "SECRET = require_secret" not in block and ">>>" not in block]
    run_page(QUEUES, without=others)
    assert [event.call_sid for event in stored] == ["a", "a"]

    def fail(_):
        raise OSError

    names["store"] = fail
    attributes = {"secret": {"stringValue": "right"}}
    body = '{"CallSid": "a", "Status": "busy"}'
    record = {"messageId": "c", "body": body, "messageAttributes": attributes}
    assert names["handler"]({"Records": [record]}, None) == {"batchItemFailures": [{"itemIdentifier": "c"}]}
