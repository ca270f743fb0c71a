"""Write files beside their names, and give them their names together when all of them are complete.

The folders of these drafts are locked as long as the command runs. So a folder that isn't locked is left over from a
command that was killed, and another command can't write the same files at the same time.
"""

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

# Windows can't lock folders.
_LOCKS: Final[Any] = import_module("fcntl") if find_spec("fcntl") else None
_DRAFTS: Final = ".exotel-callback-"


@contextmanager
def drafts_of(targets: Sequence[Path], *, overwrite: bool) -> Generator[Mapping[Path, Path], None, None]:
    """Yield the path at which to write each target. The files get their names at the end, if there is no exception.

    :raises OSError: A folder can't be written.
    :raises click.ClickException: Another command writes one of the files, or one of them exists at the end and
        `overwrite` is false.
    """
    with ExitStack() as stack:
        folders: dict[Path, Path] = {}
        for parent in dict.fromkeys(target.parent for target in targets):
            names = [target.name for target in targets if target.parent == parent]
            folders[parent] = stack.enter_context(_draft_folder(parent, names))
        drafts = {target: folders[target.parent] / target.name for target in targets}
        yield drafts
        if overwrite:
            _replace(drafts)
        else:
            _create(drafts)


@contextmanager
def _draft_folder(parent: Path, names: Iterable[str]) -> Generator[Path, None, None]:
    """Make a folder with a locked, empty file for each name, unless another command writes one of them."""
    with TemporaryDirectory(prefix=_DRAFTS, dir=parent) as created:
        folder = Path(created)
        lock = os.open(folder, os.O_RDONLY) if _LOCKS else None
        try:
            if lock is not None:
                with suppress(OSError):  # Some network file systems can't lock a folder.
                    _LOCKS.flock(lock, _LOCKS.LOCK_EX)
            for name in names:
                (folder / name).touch()
            for other in parent.glob(f"{_DRAFTS}*"):
                if other != folder:
                    _check_other(other, names)
            yield folder
        finally:
            if lock is not None:
                os.close(lock)


def _check_other(folder: Path, names: Iterable[str]) -> None:
    """Report a folder that is left over, and reject one in which another command writes the same file."""
    if _is_left_over(folder):
        click.echo(
            f"Note: {folder} is left over from a convert that was killed; delete it, it contains events", err=True
        )
        return
    for name in names:
        if (folder / name).exists():
            raise click.ClickException(
                f"another convert writes {folder.parent / name}; wait until it ends, or delete {folder} if none runs"
            )


def _is_left_over(folder: Path) -> bool:
    """Return whether nothing locks a folder. Without locks, that is unknown."""
    if _LOCKS is None:
        return False
    try:
        lock = os.open(folder, os.O_RDONLY)
    except OSError:  # It is gone, or belongs to another user.
        return False
    try:
        _LOCKS.flock(lock, _LOCKS.LOCK_SH | _LOCKS.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _replace(drafts: Mapping[Path, Path]) -> None:
    for target, draft in drafts.items():
        if target.exists():
            draft.chmod(target.stat().st_mode)
        draft.replace(target)


def _create(drafts: Mapping[Path, Path]) -> None:
    """Give the drafts their names, or none of them if a file of that name exists."""
    with ExitStack() as undo:
        for target, draft in drafts.items():
            _rename(draft, target)
            undo.callback(target.unlink)
        undo.pop_all()


def _rename(draft: Path, target: Path) -> None:
    """Rename a file, and never replace another one."""
    with suppress(OSError):  # It exists, or its file system has no hard links.
        os.link(draft, target)
        return
    if os.path.lexists(target):
        raise click.ClickException(f"{target} was created while the command ran; pass --overwrite to replace it")
    draft.rename(target)
