"""End a command cleanly at the signals that terminate a process.

Facts
-----
- A process inherits the signals that are blocked when it starts. The terminal sends Ctrl-C to the workers too, and a
  process that starts would print a traceback.
- The resource tracker of `multiprocessing` unblocks signals when it starts, so it starts first.
- A signal that the main thread blocks reaches another thread, for example one of Arrow's. Python still calls the
  handler in the main thread, where an exception would lose a worker that has just started.
- Python calls handlers between its own instructions. So a signal that arrives right before a call that waits, such as
  reading a pipe, doesn't interrupt this call.
"""

import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from socket import socketpair
from threading import Thread, get_ident
from typing import Any, Final

import click

# The signals that terminate a process. Windows lacks some of them.
TERMINATING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_CLEAN_UP_SECONDS: Final = 5
_SECONDS_BEFORE_REPETITION: Final = 0.1


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Treat the signals that terminate a process like Ctrl-C, so that no temporary files remain.

    While the files are removed, which the first signal causes, other signals are ignored.
    """
    # An ignored signal stays ignored, because nohup ignores a signal on purpose.
    handlers = {number: signal.getsignal(number) for number in TERMINATING}
    last = -float("inf")
    handled: list[int] = []  # An Event isn't safe here, because one handler can interrupt another.

    def interrupt(number: int, _: object) -> None:
        nonlocal last
        if _is_blocked(number):
            return  # `_repeated` sends it again.
        handled.append(number)
        before, last = last, time.monotonic()
        if last - before > _CLEAN_UP_SECONDS:
            raise KeyboardInterrupt

    defaults = {signal.SIG_DFL, signal.default_int_handler}
    replaced = [number for number, handler in handlers.items() if handler in defaults]
    for number in replaced:
        signal.signal(number, interrupt)
    try:
        with _repeated(handled):
            yield
    except KeyboardInterrupt:
        # Python removes handlers when it ends, but not this one, so a second signal doesn't disturb the end.
        for number in replaced:
            signal.signal(number, signal.SIG_IGN)
        raise click.ClickException("interrupted; no file was written") from None
    except BaseException:
        _restore(handlers)
        raise
    _restore(handlers)


def _is_blocked(number: int) -> bool:
    return hasattr(signal, "pthread_sigmask") and number in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@contextmanager
def _repeated(handled: list[int]) -> Generator[None, None, None]:
    """Send each signal again, until one is handled."""
    if not hasattr(signal, "pthread_kill"):  # Windows
        yield
        return
    ours, theirs = socketpair()
    theirs.setblocking(False)
    main_thread = get_ident()

    def repeat() -> None:
        while received := ours.recv(1):
            while received[0] in TERMINATING and not handled:
                time.sleep(_SECONDS_BEFORE_REPETITION)
                if not handled:
                    signal.pthread_kill(main_thread, received[0])

    thread = Thread(target=repeat, daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        handled.append(0)  # So that the thread ends, also if no handler was called.
        theirs.close()
        thread.join()
        ours.close()


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
