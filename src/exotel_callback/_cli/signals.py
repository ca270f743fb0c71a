"""End a command cleanly at the signals that terminate a process.

Facts
-----
- A process inherits the signals that are blocked when it starts. The terminal sends Ctrl-C to the workers too, and a
  process that starts would print a traceback.
- The resource tracker of `multiprocessing` unblocks signals when it starts, so it starts first.
"""

import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, Final

import click

# The signals that terminate a process. Windows lacks some of them.
TERMINATING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_CLEAN_UP_SECONDS: Final = 5


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Treat the signals that terminate a process like Ctrl-C, so that no temporary files remain.

    While the files are removed, which the first signal causes, other signals are ignored.
    """
    # An ignored signal stays ignored, because nohup ignores a signal on purpose.
    handlers = {number: signal.getsignal(number) for number in TERMINATING}
    last = -float("inf")

    def interrupt(*_: object) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before > _CLEAN_UP_SECONDS:
            raise KeyboardInterrupt

    for number, handler in handlers.items():
        if handler in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        # The handlers stay, so that a second signal doesn't disturb the end of the process.
        raise click.ClickException("interrupted; no file was written") from None
    except BaseException:
        _restore(handlers)
        raise
    _restore(handlers)


def _restore(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def blocked_signals() -> Generator[None, None, None]:
    """Block the signals that terminate a process, and with them those of the processes that start meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINATING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
