"""Deliver the events of many calls from several processes to the examples that store calls in a database."""

import asyncio
import json
import multiprocessing
import os
import re
import sqlite3
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

from exotel_callback import merge, parse
from exotel_callback.testing import SCENARIOS
from helpers import ENCODERS, ROOT

EXAMPLES = ROOT / "docs" / "examples"
PROCESSES = 8

# The driver in SQLAlchemy's URLs for each scheme.
SYNC = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
ASYNC = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}


def for_sqlalchemy(url, drivers):
    """Return the URL of a database as SQLAlchemy spells it. With SQLite, processes wait for each other."""
    scheme, rest = url.split("://")
    return f"{drivers[scheme]}://{rest}" + ("?timeout=60" if scheme == "sqlite" else "")


def parsed(value):
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def query(url, sql):
    """Return the rows of a query, with JSON as objects."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
            return [tuple(parsed(value) for value in row) for row in db.execute(sql)]
    import psycopg

    with psycopg.connect(url) as db:
        return [tuple(parsed(value) for value in row) for row in db.execute(sql)]


def deliveries_of(number, rng):
    """Return the deliveries of calls, some repeated, and what each call must be in the end.

    The deliveries of every second call are spread over all. Those of the others arrive at nearly the same time.
    """
    deliveries, calls = [], {}
    scenarios = list(SCENARIOS.values())
    for place in range(number):
        sid = f"{place:032}"
        encode = rng.choice([*ENCODERS.values()])
        sent = [
            (delivery.body, delivery.content_type)
            for delivery in scenarios[place % len(scenarios)].deliveries(
                lambda payload, sid=sid, encode=encode: encode({**payload, "CallSid": sid})
            )
        ]
        spread = number if place % 2 else 1
        repeated = sent + rng.choices(sent, k=len(sent))
        deliveries += [(place + rng.random() * spread, delivery) for delivery in repeated]
        calls[sid] = merge(*(parse(*delivery) for delivery in sent))
    return [delivery for _, delivery in sorted(deliveries)], calls


def sqlalchemy(url):
    """Return functions that create the tables and store an event, with SQLAlchemy."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    import store_sqlalchemy as example

    engine = create_engine(for_sqlalchemy(url, SYNC))
    session = sessionmaker(engine)

    def store(event):
        with session.begin() as begun:
            example.store(begun, event)

    return lambda: example.Base.metadata.create_all(engine), store


def sqlalchemy_async(url):
    """Return functions that create the tables and store an event, with SQLAlchemy's asyncio."""
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

    import store_sqlalchemy as example

    engine = create_async_engine(for_sqlalchemy(url, ASYNC))
    session = async_sessionmaker(engine)
    runner = asyncio.Runner()

    async def create():
        async with engine.begin() as connection:
            await connection.run_sync(example.Base.metadata.create_all)
        await engine.dispose()

    async def store(event):
        async with session.begin() as begun:
            await begun.run_sync(example.store, event)

    return lambda: runner.run(create()), lambda event: runner.run(store(event))


def psycopg(url):
    """Return functions that create the tables and store an event, with psycopg."""
    import psycopg as driver
    import store_psycopg as example

    db = driver.connect(url, autocommit=True)
    return lambda: db.execute(example.TABLES), lambda event: example.store(db, event)


def asyncpg(url):
    """Return functions that create the tables and store an event, with asyncpg."""
    import asyncpg as driver
    import store_asyncpg as example

    create, _ = psycopg(url)
    runner = asyncio.Runner()

    async def pool():
        return await driver.create_pool(url, min_size=1, max_size=2)

    opened = runner.run(pool())
    return create, lambda event: runner.run(example.store(opened, event))


def django(url):
    """Return functions that create the tables and store an event, with Django's ORM."""
    os.environ |= {"DATABASE_URL": url, "DJANGO_SECRET_KEY": "for tests", "EXOTEL_SECRET": "right"}
    import django_complete as example

    def create():
        example.execute_from_command_line(["manage.py", "migrate", "--run-syncdb", "--verbosity=0"])

    from django_calls.models import store

    return create, store


STACKS = {function.__name__: function for function in (sqlalchemy, sqlalchemy_async, psycopg, asyncpg, django)}


def start(stack, url):
    """Import an example in a process, and remember the function that stores an event."""
    global store_event
    sys.path.append(str(EXAMPLES))
    _, store_event = STACKS[stack](url)


def store_one(delivery):
    store_event(parse(*delivery))
    return 1


def create_tables(stack, url):
    """Create the tables of an example, in a process."""
    sys.path.append(str(EXAMPLES))
    create, _ = STACKS[stack](url)
    create()


def erase_psycopg(url, sid):
    """Erase a call as the page shows."""
    import psycopg as driver

    page = (ROOT / "docs" / "how-to" / "store-calls.md").read_text()
    (lines,) = re.findall(r"^>>> def erase.*\n(?:\.\.\. .*\n)+", page, re.MULTILINE)
    shown = {}
    exec(re.sub(r"^(>>>|\.\.\.) ", "", lines, flags=re.MULTILINE), shown)
    with driver.connect(url, autocommit=True) as db:
        shown["erase"](db, sid)


def erase_one(stack, url, sid):
    """Erase a call, in a process that stores events."""
    if stack == "psycopg":
        erase_psycopg(url, sid)
    elif stack == "django":
        from django_calls.models import erase

        erase(sid)
    else:
        import sqlalchemy as library
        from sqlalchemy.orm import Session

        import store_sqlalchemy as example

        with Session(library.create_engine(for_sqlalchemy(url, SYNC))) as session, session.begin():
            example.erase(session, sid)


@contextmanager
def storing(stack, url):
    """Create the tables, and yield a function that stores an event in another process and doesn't wait for it.

    Its attribute ``erase`` erases a call there.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        pool.submit(create_tables, stack, url).result()
    with ProcessPoolExecutor(1, spawn, initializer=start, initargs=(stack, url)) as pool:
        store = partial(pool.submit, store_one)
        store.erase = partial(pool.submit, erase_one, stack, url)
        yield store


def deliver(stack, url, deliveries):
    """Create the tables, and let eight processes store the events. Each takes the next one, as servers do."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        pool.submit(create_tables, stack, url).result()
    with ProcessPoolExecutor(PROCESSES, spawn, initializer=start, initargs=(stack, url)) as pool:
        assert sum(pool.map(store_one, deliveries)) == len(deliveries)
