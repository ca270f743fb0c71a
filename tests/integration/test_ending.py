"""Test how ``convert`` ends: interrupted, killed, with a full disk, or beside another run. Nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from click import ClickException

from command import convert
from exotel_callback._cli import targets, workers
from exotel_callback._cli.signals import TERMINATING, blocked_signals, interruptible
from exotel_callback._cli.targets import drafts_of
from exotel_callback._cli.workers import exit_after, map_in_order, pool_of, run_worker
from helpers import LEAST, PAGE

LINE = json.dumps(PAGE).encode() + b"\n"
INTERRUPTED = b"Error: interrupted; no file was written"
PROCESSES = Path("/proc")

needs_masks = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows can't block signals")
needs_processes = pytest.mark.skipif(not PROCESSES.is_dir(), reason="there is no list of processes")


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "in.ndjson").write_bytes(LINE * 10)
    return tmp_path / "in.ndjson"


def wait_until(condition):
    """Wait for something that another process does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def reading(folder, *options):
    """Run the command in its own group of processes, while it reads a pipe that doesn't end."""
    os.mkfifo(folder / "pipe")
    command = [sys.executable, "-m", "exotel_callback", "convert", folder / "pipe", folder / "out.parquet", *options]
    errors = folder / "errors"
    with errors.open("wb") as file:
        process = subprocess.Popen(command, stderr=file, stdout=file, start_new_session=True)
    try:
        with (folder / "pipe").open("wb", buffering=0) as pipe:
            pipe.write(LINE)
            wait_until(lambda: [*folder.glob(".exotel-callback-*/out.parquet")])
            yield process, pipe
    finally:
        process.kill()
        process.wait()


def drafts(folder):
    return [*folder.glob(".exotel-callback-*")]


def workers_of(pid):
    """Return the processes that a process started with `multiprocessing`, except its resource tracker."""
    found = []
    for path in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def is_running(pid):
    try:
        return (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_interrupted(process, folder):
    """Check that a process ended, although its workers do not answer, and that it left nothing behind."""
    assert process.wait(30) == 1
    assert (folder / "errors").read_bytes().strip() == INTERRUPTED
    assert sorted(path.name for path in folder.iterdir()) == ["errors", "pipe"]


@contextmanager
def default_signals():
    """Give the signals that terminate a process their default action, and at the end the action from before."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in TERMINATING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def assert_interrupts(function):
    """Check that a function, which sends a signal to this process, is interrupted."""
    with default_signals(), pytest.raises(ClickException, match="interrupted; no file was written"), interruptible():
        function()


@needs_processes
@pytest.mark.parametrize("is_group", [False, True])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("times", [1, 2])
def test_signals_while_workers_are_busy(tmp_path, name, is_group, times):
    """A signal, or a second one, waits for the workers or leaves something behind, or a worker prints a traceback."""
    send = os.killpg if is_group else os.kill
    with reading(tmp_path, "--workers", "2") as (process, _):
        wait_until(lambda: len(workers_of(process.pid)) == 2)
        started = workers_of(process.pid)
        for pid in started:
            os.kill(pid, signal.SIGSTOP)  # It never answers, so only killing it ends it.
        try:
            for _ in range(times):
                send(process.pid, getattr(signal, name))
            assert_interrupted(process, tmp_path)
            wait_until(lambda: not any(map(is_running, started)))
        finally:
            for pid in filter(is_running, started):
                os.kill(pid, signal.SIGKILL)


@needs_processes
def test_a_signal_while_workers_start(tmp_path):
    """A worker that starts prints a traceback after Ctrl-C."""
    with reading(tmp_path, "--workers", "2") as (process, _):
        wait_until(lambda: workers_of(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        assert_interrupted(process, tmp_path)


def test_many_signals(tmp_path):
    """A signal that comes while the files are removed prints a traceback, or leaves files."""
    with reading(tmp_path, "--workers", "1") as (process, _):
        for _ in range(20):
            process.send_signal(signal.SIGTERM)
        assert_interrupted(process, tmp_path)


@needs_processes
def test_workers_of_a_killed_process(tmp_path):
    """Workers remain after the command is killed."""
    with reading(tmp_path, "--workers", "2") as (process, _):
        wait_until(lambda: len(workers_of(process.pid)) == 2)
        started = workers_of(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(is_running, started)))
    left = drafts(tmp_path)
    assert left
    (tmp_path / "in.ndjson").write_bytes(LINE)
    code, _, err = convert(tmp_path / "in.ndjson", tmp_path / "out.parquet")
    assert code == 0
    assert err == f"Note: {left[0]} is left over from a convert that was killed; delete it, it contains events\n"


BUSY = """
import time
from exotel_callback._cli.workers import pool_of

if __name__ == "__main__":
    with pool_of(2) as pool:
        for _ in range(2):
            pool.submit(time.sleep, 600)
        print("started", flush=True)
        time.sleep(600)
"""


@needs_processes
def test_busy_workers_of_a_killed_process(tmp_path):
    """Workers remain after the command is killed, until they are done with their rows."""
    (tmp_path / "busy.py").write_text(BUSY)
    with subprocess.Popen([sys.executable, tmp_path / "busy.py"], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"started\n"
        started = workers_of(process.pid)
        process.kill()
    assert len(started) == 2
    wait_until(lambda: not any(map(is_running, started)))


def test_workers_block_signals():
    """Ctrl-C in a terminal reaches the workers, which print tracebacks."""
    with pool_of(2) as pool:
        blocked = pool.submit(partial(signal.pthread_sigmask, signal.SIG_BLOCK), []).result()
    assert {*TERMINATING} <= blocked
    assert not {*TERMINATING} & signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_second_signal_is_ignored():
    """A second signal disturbs the removal of the temporary files, or the first one is ignored."""
    cleaned_up = []

    @contextmanager
    def clean_up():
        try:
            yield
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleaned_up.append(True)

    with default_signals():
        with pytest.raises(ClickException, match="interrupted; no file was written"), interruptible(), clean_up():
            signal.raise_signal(signal.SIGTERM)
        # Python gives a signal its default action when it ends, unless the signal is ignored.
        assert {*map(signal.getsignal, TERMINATING)} == {signal.SIG_IGN}
    assert cleaned_up


@needs_masks
@pytest.mark.parametrize("number", TERMINATING)
def test_a_signal_for_another_thread(number):
    """A signal that another thread receives, while workers start, interrupts the start, or it is lost."""
    finish = threading.Event()
    steps = []

    def start_workers():
        with blocked_signals():
            os.kill(os.getpid(), number)
            time.sleep(0.3)
            steps.append("started")
        time.sleep(30)
        steps.append("lost")

    thread = threading.Thread(target=finish.wait, args=(30,))
    thread.start()
    try:
        assert_interrupts(start_workers)
    finally:
        finish.set()
        thread.join()
    assert steps == ["started"]


@needs_masks
def test_a_signal_right_before_waiting():
    """A signal that arrives right before the command waits for input is noticed only when there is input."""
    steps = []

    def wait():
        handler = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, handler))  # It isn't noticed.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
        steps.append("lost")

    assert_interrupts(wait)
    assert not steps


def test_a_worker_that_is_killed():
    """A worker that is killed while it works isn't reported, or the others are waited for."""
    with pytest.raises(workers.BrokenExecutor), pool_of(2) as pool:
        list(map_in_order(pool, os._exit, [3, 3, 3, 3], ahead=2))


def test_an_error_in_a_worker():
    """An error in a worker isn't raised, or it ends the worker."""
    with pool_of(2) as pool:
        with pytest.raises(ValueError, match="invalid literal"):
            list(map_in_order(pool, int, ["1", "x"], ahead=2))
        assert list(map_in_order(pool, int, map(str, range(10)), ahead=3)) == [*range(10)]


def test_an_interruption_while_workers_start(monkeypatch):
    """An exception before all workers are started waits for those that were."""

    class Interrupted:
        def __init__(self, _):
            raise KeyboardInterrupt

    started = []
    start = workers._start

    def stopped():
        process, connection = start()
        started.append(process)
        os.kill(process.pid, signal.SIGSTOP)  # It doesn't notice that its connection is closed.
        return process, connection

    monkeypatch.setattr(workers, "_start", stopped)
    monkeypatch.setattr(workers, "Pool", Interrupted)
    with pytest.raises(KeyboardInterrupt), pool_of(2):
        pass
    assert [process.exitcode for process in started] == [-signal.SIGKILL] * 2


@pytest.mark.parametrize("parent", [None, SimpleNamespace(sentinel=7)])
def test_a_worker(monkeypatch, parent):
    """A worker doesn't call a function, doesn't end when its connection is closed, or doesn't watch its parent."""
    watched = SimpleQueue()
    monkeypatch.setattr(workers, "parent_process", lambda: parent)
    monkeypatch.setattr(workers, "exit_after", watched.put)
    ours, theirs = workers.get_context("spawn").Pipe()
    thread = threading.Thread(target=run_worker, args=(theirs,))
    thread.start()
    ours.send((abs, -1))
    assert ours.recv() == (None, 1)
    ours.send((abs, "a"))
    assert isinstance(ours.recv()[0], TypeError)
    ours.close()
    thread.join(30)
    assert not thread.is_alive()
    if parent:
        assert watched.get(timeout=30) == 7


def test_the_end_of_a_parent(monkeypatch):
    """A process doesn't notice that the one that started it has ended."""
    codes = []
    monkeypatch.setattr(workers.os, "_exit", codes.append)
    theirs, ours = os.pipe()
    os.close(ours)
    exit_after(theirs)
    os.close(theirs)
    assert codes == [1]


def test_a_system_without_masks_of_signals(monkeypatch):
    """Workers can't be started, or interrupted, on Windows, which can't block signals."""
    resource_tracker.ensure_running()  # Python blocks signals while it starts the tracker.
    monkeypatch.delattr(signal, "pthread_sigmask")
    monkeypatch.delattr(signal, "pthread_kill")
    assert_interrupts(lambda: signal.raise_signal(signal.SIGTERM))
    with interruptible():
        pass
    with pool_of(2) as pool:
        assert list(map_in_order(pool, abs, [-1, -2], ahead=1)) == [1, 2]


def test_a_file_that_was_created_meanwhile(tmp_path):
    """A file that appears while the command runs is replaced, or the other files are written."""
    with reading(tmp_path, "--workers", "1", "--calls", tmp_path / "calls.parquet") as (process, pipe):
        (tmp_path / "calls.parquet").write_text("precious")
        pipe.close()
        assert process.wait(60) == 1
    told = f"Error: {tmp_path / 'calls.parquet'} was created while the command ran; pass --overwrite to replace it\n"
    assert (tmp_path / "errors").read_text() == told
    assert (tmp_path / "calls.parquet").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.parquet", "errors", "pipe"]


def test_a_file_system_without_links(tmp_path, archive, monkeypatch):
    """Without hard links, nothing can be written, or an existing file is replaced."""

    def fail(*_):
        raise PermissionError

    monkeypatch.setattr(targets.os, "link", fail)
    assert convert(archive, tmp_path / "out.ndjson")[0] == 0
    with pytest.raises(ClickException, match="was created"), drafts_of([tmp_path / "a"], overwrite=False):
        (tmp_path / "a").touch()


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_two_runs_into_one_file(tmp_path, archive, overwrite):
    """Two commands that write the same file mix, or one silently replaces the file of the other."""
    with reading(tmp_path, "--workers", "1", *overwrite) as (process, pipe):
        code, _, err = convert(archive, tmp_path / "other.parquet", "--calls", tmp_path / "out.parquet", *overwrite)
        told = f"another convert writes {tmp_path / 'out.parquet'}; wait until it ends, or delete {drafts(tmp_path)[0]}"
        assert (code, err) == (1, f"Error: {told} if none runs\n")
        assert convert(archive, tmp_path / "other.parquet")[::2] == (0, "")
        pipe.close()
        assert process.wait(60) == 0
    assert not drafts(tmp_path)


def test_a_folder_that_is_gone(tmp_path):
    """A folder that another command removes meanwhile raises, or is reported as left over."""
    assert not targets._is_left_over(tmp_path / "gone")


def test_a_system_without_locks(tmp_path, archive, monkeypatch):
    """Without locks, nothing can be written, or a folder of a running command is reported as left over."""
    monkeypatch.setattr(targets, "_LOCKS", None)
    (tmp_path / ".exotel-callback-x").mkdir()
    assert convert(archive, tmp_path / "out.ndjson")[::2] == (0, "")
    (tmp_path / ".exotel-callback-x/out.ndjson").touch()
    assert convert(archive, tmp_path / "out.ndjson", "--overwrite")[0] == 1


def test_a_folder_that_cannot_be_locked(tmp_path, archive, monkeypatch):
    """A network file system that can't lock a folder makes the command fail."""

    class Locks:
        LOCK_EX = LOCK_SH = LOCK_NB = 0

        def flock(self, *_):
            raise OSError

    monkeypatch.setattr(targets, "_LOCKS", Locks())
    (tmp_path / ".exotel-callback-x").mkdir()
    assert convert(archive, tmp_path / "out.ndjson")[::2] == (0, "")


@pytest.mark.parametrize("option", ["--calls", "--report", "--rejects"])
def test_a_folder_that_cannot_be_written(tmp_path, archive, option):
    """A folder that can't be written is reported only after all is read."""
    suffix = {"--calls": "csv", "--report": "html", "--rejects": "ndjson"}[option]
    folder = Path("/proc/self")  # Not even root can write there.
    code, _, err = convert(archive, tmp_path / "none" / ".." / "out.parquet", option, folder / f"x.{suffix}")
    assert code in {1, 2}
    assert len(err.splitlines()[-1:]) == 1
    assert "/proc/" in " ".join(err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.ndjson"]


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from exotel_callback.__main__ import main
main()
"""


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(("size", "target"), [(2_000, "out.csv"), (30_000, "report.html")])
def test_a_full_disk(tmp_path, workers, size, target):
    """A full disk isn't reported in one sentence, or a target is torn. A limit for files takes the place of a disk."""
    lines = [json.dumps({**LEAST, "CallSid": f"{number:032}"}) for number in range(100)]
    (tmp_path / "in.ndjson").write_text("\n".join(lines))
    (tmp_path / target).write_text("precious")
    names = [tmp_path / "in.ndjson", tmp_path / "out.csv", "--report", tmp_path / "report.html"]
    command = [sys.executable, "-c", LIMITED, str(size), "convert", *names, "--overwrite", "--workers", workers]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: [Errno 27] File too large; no file was written\n"
    assert (tmp_path / target).read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.ndjson", target])


def test_a_link_is_followed(tmp_path, archive):
    """A link is replaced by a file, so the file that it names isn't written."""
    (tmp_path / "link.ndjson").symlink_to(tmp_path / "file.ndjson")
    assert convert(archive, tmp_path / "link.ndjson")[0] == 0
    assert (tmp_path / "link.ndjson").is_symlink()
    assert len((tmp_path / "file.ndjson").read_text().splitlines()) == 10


def test_a_target_that_is_not_a_file(tmp_path, archive):
    """A pipe is replaced by a file."""
    os.mkfifo(tmp_path / "pipe.ndjson")
    code, _, err = convert(archive, tmp_path / "pipe.ndjson", "--overwrite")
    assert (code, "isn't a regular file; choose another name" in " ".join(err.split())) == (2, True)
