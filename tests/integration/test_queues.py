"""Test the page on queues: each example gets a callback through its queue and its worker."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import threading
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import pytest

from exotel_callback import Call, dump, merge, parse
from helpers import PAGE, ROOT
from pages import run_page

QUEUES = ROOT / "docs" / "how-to" / "queues.md"
EVENT = parse(PAGE)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    """Run Redis for the tests of this module, and return its port."""
    redis = pytest.importorskip("redis")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path_factory.mktemp("redis"))]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    client = redis.Redis("127.0.0.1", port)

    def answers():
        assert process.poll() is None, "Redis did not start"
        try:
            return client.ping()
        except redis.ConnectionError:
            return False

    try:
        wait_for(answers)
        yield port
    finally:
        client.close()
        process.terminate()
        process.wait(10)


@pytest.fixture
def example(request, monkeypatch):
    """Return a function that runs the code of a section, and returns its names and the stored events."""
    for name, value in {"BROKER_URL": "memory://", "EXOTEL_SECRET": "right", "HUEY_SECRET": "for tests"}.items():
        monkeypatch.setenv(name, value)

    def run(section):
        stored = []
        text = re.split(rf"^## {section}\n", QUEUES.read_text(), flags=re.MULTILINE)[1].split("\n## ")[0]
        namespace = {"__name__": request.node.name, "store": stored.append}
        for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            if ">>>" not in block:
                exec(compile(block, f"{QUEUES.name}, {section}", "exec"), namespace)
        return namespace, stored

    return run


def wait_for(is_done):
    """Wait until a worker in another thread has finished."""
    for _ in range(300):
        if is_done():
            return
        threading.Event().wait(0.05)
    pytest.fail("the worker did not finish")


MEMORY_AND_REDIS = pytest.mark.parametrize("kind", ["memory", "redis"])


def celery_brokers():
    """Return the brokers for Celery. Its Redis needs a newer redis-py than arq, which the default environment has."""
    old = find_spec("redis") is None or import_module("redis").VERSION < (6, 1)
    return ["memory"] if old else ["memory", "redis"]


@pytest.mark.parametrize("kind", celery_brokers())
def test_celery(kind, example, request, monkeypatch):
    """A task gets something else than the callback or the call that the handler passed."""
    pytest.importorskip("celery")
    from celery.contrib.testing.worker import start_worker

    if kind == "redis":
        monkeypatch.setenv("BROKER_URL", f"redis://127.0.0.1:{request.getfixturevalue('redis_port')}/1")
    names, stored = example("Celery")
    app = names["app"]
    app.conf.broker_transport_options = {"polling_interval": 0.05}
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        names["handle"].delay(EVENT)
        names["handle"].delay(merge(EVENT))
        wait_for(lambda: len(stored) == 2)
    assert stored == [EVENT, merge(EVENT)]
    assert isinstance(stored[1], Call)


@MEMORY_AND_REDIS
def test_dramatiq(kind, example, request):
    """An actor gets something else than the callback that the handler passed."""
    dramatiq = pytest.importorskip("dramatiq")
    if kind == "redis":
        from dramatiq.brokers.redis import RedisBroker

        broker = RedisBroker(host="127.0.0.1", port=request.getfixturevalue("redis_port"))
    else:
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
    broker.close()
    assert stored == [EVENT]


@MEMORY_AND_REDIS
def test_rq(kind, example, request, monkeypatch, caplog):
    """A job gets something else than the callback that the handler passed, or RQ logs a number."""
    pytest.importorskip("rq")
    fakeredis = pytest.importorskip("fakeredis")
    from redis import Redis
    from rq import Queue, SimpleWorker
    from rq.serializers import JSONSerializer

    names, stored = example("RQ")
    connection = (
        Redis("127.0.0.1", request.getfixturevalue("redis_port")) if kind == "redis" else fakeredis.FakeStrictRedis()
    )
    monkeypatch.setattr("pages.handle", names["handle"], raising=False)  # RQ imports functions by name
    names["handle"].__module__ = "pages"
    with caplog.at_level("INFO"):
        names["enqueue"](connection, EVENT)
        queue = Queue("calls", connection=connection, serializer=JSONSerializer)
        worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
        worker.work(burst=True, with_scheduler=False)
    connection.close()
    assert stored == [EVENT]
    assert EVENT.call_sid in caplog.text
    assert EVENT.from_number not in caplog.text


@pytest.fixture
def fake_redis_port(monkeypatch):
    """Run a server that behaves like Redis, in a thread, and return its port."""
    fakeredis = pytest.importorskip("fakeredis")

    async def no_info(*_):
        """Do nothing, because fakeredis has no ``INFO``."""

    monkeypatch.setattr("arq.worker.log_redis_info", no_info)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = fakeredis.TcpFakeServer(("127.0.0.1", port), server_type="redis")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("port", ["fake_redis_port", "redis_port"])
def test_arq(port, example, request):
    """A job gets something else than the callback that the handler passed, or a redelivery makes a second job."""
    pytest.importorskip("arq")
    from arq import Worker, create_pool
    from arq.connections import RedisSettings

    names, stored = example("arq")

    async def store(event):
        stored.append(event)

    names["store"] = store
    names["WorkerSettings"].redis_settings = RedisSettings("127.0.0.1", request.getfixturevalue(port))

    async def main():
        settings = {name: value for name, value in vars(names["WorkerSettings"]).items() if name[0] != "_"}
        serializers = {"job_serializer": names["to_json"], "job_deserializer": json.loads}
        pool = await create_pool(settings["redis_settings"], **serializers)
        for _ in range(2):
            await pool.enqueue_job("handle", dump(EVENT), _job_id=EVENT.event_key)
        worker = Worker(**settings, burst=True, poll_delay=0.01, handle_signals=False)
        await worker.main()
        await worker.close()
        await pool.aclose()

    asyncio.run(main())
    assert stored == [EVENT]


@MEMORY_AND_REDIS
def test_huey(kind, example, request, monkeypatch):
    """A task gets something else than the callback that the handler passed, or accepts a message of another sender."""
    huey = pytest.importorskip("huey")
    options = {"host": "127.0.0.1", "port": request.getfixturevalue("redis_port")} if kind == "redis" else {}
    made = partial(huey.RedisHuey, **options) if options else huey.MemoryHuey
    monkeypatch.setattr(huey, "RedisHuey", made)
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
