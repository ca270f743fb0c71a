"""Call functions in other processes, which end when this one ends, however it ends.

Each process is a worker with a pipe of its own, and a thread of this process waits for its results. So a worker can be
killed at any time: no other process waits for a lock that it holds, or for the rest of a message.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar, cast

from .signals import blocked_signals

Item = TypeVar("Item")
Returned = TypeVar("Returned")


class Pool:
    """Some workers."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        for connection in connections:
            self._idle.put(connection)
        self.threads = ThreadPoolExecutor(len(connections))

    def submit(self, function: Callable[[Item], Returned], item: Item) -> "Future[Returned]":
        """Call a function in the next worker that is idle."""
        return self.threads.submit(self._call, function, item)

    def _call(self, function: Callable[[Item], Returned], item: Item) -> Returned:
        connection = self._idle.get()
        try:
            connection.send((function, item))
            error, result = connection.recv()
        except (EOFError, ConnectionError):
            raise BrokenExecutor from None
        finally:
            self._idle.put(connection)  # Also that of a dead worker, so that no thread waits for it.
        if error:
            raise error
        return cast("Returned", result)


@contextmanager
def pool_of(workers: int) -> Generator[Pool | None, None, None]:
    """Start workers, and end them at the end: at once if there is an exception. One worker is this process itself."""
    if workers == 1:
        yield None
        return
    started: list[tuple[SpawnProcess, Connection]] = []
    pool = None
    try:
        with blocked_signals():
            started.extend(_start() for _ in range(workers))
        pool = Pool([connection for _, connection in started])
        yield pool
    except BaseException:
        for process, _ in started:
            process.kill()
        raise
    finally:
        if pool is not None:
            pool.threads.shutdown(cancel_futures=True)
        for _, connection in started:
            connection.close()
        for process, _ in started:
            process.join()


def _start() -> tuple[SpawnProcess, Connection]:
    # A forked process would inherit Arrow's threads in an undefined state.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_worker, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def run_worker(connection: Connection) -> None:
    """Call the functions that come through a connection, until it is closed."""
    if parent := parent_process():
        Thread(target=exit_after, args=(parent.sentinel,), daemon=True).start()
    while True:
        try:
            function, item = connection.recv()
        except EOFError:
            return
        connection.send(_result(function, item))


def _result(function: Callable[[Any], Any], item: Any) -> tuple[Exception | None, Any]:
    try:
        return None, function(item)
    except Exception as error:  # noqa: BLE001 - it is raised again in the other process
        return error, None


def exit_after(sentinel: int) -> None:
    """End this process when the one that started it has ended."""
    wait([sentinel])
    os._exit(1)


def map_in_order(
    pool: Pool | None, function: Callable[[Item], Returned], items: Iterable[Item], ahead: int
) -> Iterator[Returned]:
    """Call a function in other processes, as `map` does, with at most `ahead` items in progress."""
    if pool is None:
        yield from map(function, items)
        return
    futures: deque[Future[Returned]] = deque()
    for item in items:
        futures.append(pool.submit(function, item))
        if len(futures) > ahead:
            yield futures.popleft().result()
    while futures:
        yield futures.popleft().result()
