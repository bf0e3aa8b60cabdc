"""Files that gatectl writes, all of them (product.md, section 7, files).

- Never through a link that lies in a project or checkout and leads out of it.
- Pipes, devices, `/dev/stdout` and the like, files that are mounted, and files in folders that may not be written, are
  written in place; anything else whole or not at all, through a file beside it that is renamed.
- Plans, receipts and snapshots are their owner's alone; a report that is new follows the umask, one that was there keeps
  its mode.

Failures name the file as the user did. They are InputError, and UsageError for a place where no file can be.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from gatectl.errors import InputError, UsageError
from gatectl.files import fences
from gatectl.files.packing import packed
from gatectl.quote import quote

_IGNORE: Final = b"*\n"
_PRIVATE: Final = 0o600
_OWN_MODE: Final = 0o700
_TRIES: Final = 100
_Made = TypeVar("_Made")
_PUBLIC: Final = 0o666  # less the umask
_FOLDER_REFUSES: Final = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV))
"""Why a file cannot be put beside another or take its place, though the other itself may be writable."""

_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)


class _Place(NamedTuple):
    """Where a name leads: a descriptor of our own, or a real path; `mode` is what is there (None: nothing)."""

    name: str
    descriptor: int | None
    path: str
    mode: int | None

    @property
    def replaceable(self) -> bool:
        return self.descriptor is None and (self.mode is None or stat.S_ISREG(self.mode))


def check(path: str) -> None:
    """Find out now that a file can be written later, and leave everything as it is. Raises UsageError, InputError."""
    try:
        place = _place(path)
        if place.descriptor is not None:
            os.write(place.descriptor, b"")
        elif place.replaceable:
            try:
                descriptor, temporary = _beside(place, _PRIVATE)
                os.close(descriptor)
                os.unlink(temporary)
            except OSError as error:
                if place.mode is None or error.errno not in _FOLDER_REFUSES:
                    raise
                os.close(os.open(place.path, os.O_WRONLY | os.O_CLOEXEC | _NO_FOLLOW))
        elif not os.access(place.path, os.W_OK):  # opening a pipe waits for a reader
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _failed(path, error) from error


def write(path: str, content: str | bytes, *, private: bool) -> None:
    """Write a file: `private` is its owner's alone (plans, receipts, snapshots), others are reports. `.json.gz` is packed.

    Raises UsageError for a place where no file can be, InputError where it cannot be written.
    """
    data = packed(path, content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
    try:
        place = _place(path)
        if not place.replaceable:
            _in_place(place, data, private=private)
            return
        try:
            _replace(place, data, private=private)
        except OSError as error:
            if place.mode is None or error.errno not in _FOLDER_REFUSES:
                raise
            _in_place(place, data, private=private)
    except OSError as error:
        raise _failed(path, error) from error


def append(path: str, content: str) -> None:
    """Add to the end of a file that a pipeline keeps for its steps. Raises UsageError, InputError."""
    try:
        place = _place(path)
        if place.descriptor is not None:
            _in_place(place, content.encode("utf-8", "backslashreplace"), private=False)
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | _NO_FOLLOW
        with os.fdopen(os.open(place.path, flags, _PUBLIC), "wb") as stream:
            stream.write(content.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise _failed(path, error) from error


def write_new(path: str, content: str) -> bool:
    """Write a file where nothing is yet, with the folders above it; whether it was. Raises UsageError, InputError."""
    try:
        _refuse_leaving(path)
        if os.path.lexists(path):
            return False
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    except OSError as error:
        raise _failed(path, error) from error
    write(path, content, private=False)
    return True


def own_folder(project: Path, *, create: bool) -> Path:
    """The folder that gatectl keeps in a project, `.gatectl`. A writer creates it, its owner's alone, with a `.gitignore` of
    everything.

    Nothing in it may be a symbolic link, nor it itself: a stranger's checkout would choose what is written. Raises
    InputError for a link, and for a folder that may not be looked into; OSError where it cannot be made.
    """
    folder = project / fences.OWN_FOLDER
    if create and not folder.is_symlink():
        folder.mkdir(_OWN_MODE, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(folder / ".gitignore", flags, 0o644), "wb") as stream:
                stream.write(_IGNORE)
    try:
        link = _link_in(folder)
    except PermissionError as error:
        raise InputError(
            f"{quote(folder)} cannot be read: {error.strerror}", "ask its owner, or use a checkout of your own"
        ) from error
    if link is not None:
        raise InputError(f"{quote(link)} is a symbolic link, and what gatectl keeps there is not written through one",
                         "remove it, or name another place")  # fmt: skip
    return folder


def check_own(project: Path, name: str) -> None:
    """Find out now that files can be written later into a folder of `.gatectl`, and leave everything as it is.

    Raises InputError.
    """
    _while_others_tidy_up(lambda: _check_own(project, name))


def _while_others_tidy_up(act: Callable[[], _Made]) -> _Made:
    """Do something in `.gatectl`; again where a folder is gone that another run had made only to find this out."""
    for _ in range(_TRIES):
        try:
            return act()
        except UsageError:
            continue  # its folder is gone again
        except InputError as error:
            # What is there at one moment and is no folder at the next was removed in between.
            if not isinstance(error.__cause__, (FileNotFoundError, FileExistsError)):
                raise
    return act()


def _check_own(project: Path, name: str) -> None:
    own = project / fences.OWN_FOLDER
    made: list[Path] = []
    try:
        for path in (own, own / name):
            try:
                path.mkdir(_OWN_MODE)
                made.append(path)
            except FileExistsError:
                if not path.is_dir():
                    raise
        own_folder(project, create=False)
        descriptor, temporary = _beside(_Place("", None, str(own / name / "file"), None), _PRIVATE)
        try:
            _write_all(descriptor, b"{}")  # a full disk takes a name, and no content
        finally:
            os.close(descriptor)
            os.unlink(temporary)
    except OSError as error:
        raise _failed(str(own / name), error) from error
    finally:
        for path in reversed(made):
            with suppress(OSError):  # somebody else has put something there meanwhile
                path.rmdir()


def keep(project: Path, name: str, file: str, content: str, *, kept: Callable[[list[str]], list[str]]) -> str:
    """Write a private file into a folder of `.gatectl`; its path. `kept` says of the names there which are to stay.

    Raises InputError.
    """
    return _while_others_tidy_up(lambda: _keep(project, name, file, content, kept))


def _keep(project: Path, name: str, file: str, content: str, kept: Callable[[list[str]], list[str]]) -> str:
    folder = Path(fences.OWN_FOLDER)
    try:
        folder = own_folder(project, create=True) / name
        folder.mkdir(exist_ok=True)
        path = str(folder / file)
        write(path, content, private=True)
        names = os.listdir(folder)
        for old in set(names) - set(kept(names)):
            with suppress(OSError):
                os.unlink(folder / old)
    except OSError as error:
        raise _failed(str(folder), error) from error
    return path


def refuse_links(*paths: Path) -> None:
    """Raises InputError for a file of a database that is a symbolic link: it would be written where that leads."""
    for path in paths:
        if path.is_symlink():
            raise InputError(f"{quote(path)} is a symbolic link, and no database is written through one", "remove it")


def _link_in(folder: Path) -> Path | None:
    if folder.is_symlink():
        return folder
    try:
        with os.scandir(folder) as entries:
            return next((folder / entry.name for entry in entries if entry.is_symlink()), None)
    except (FileNotFoundError, NotADirectoryError):
        return None


def same_file(one: str, other: str) -> bool:
    """Whether two names mean one file that would be overwritten; pipes and devices bear it."""
    try:
        first, second = _place(one), _place(other)
    except (OSError, InputError, UsageError):
        return os.path.realpath(one) == os.path.realpath(other)
    return first.replaceable and second.replaceable and first.path == second.path


# Where a name leads


def _place(path: str) -> _Place:
    """Raises UsageError where no file can be, InputError for a link that leads out of the project, OSError."""
    if not path:
        raise UsageError("an empty name is no file", "is a variable not set?")
    descriptor = _descriptor(path)
    if descriptor is not None:
        return _Place(path, descriptor, path, os.fstat(descriptor).st_mode)
    real = _refuse_leaving(path)
    folder = os.path.dirname(real)
    if not os.path.isdir(folder):
        raise UsageError(f"{quote(path)}: the folder {quote(folder)} does not exist", "create it first")
    try:
        mode = os.stat(path).st_mode  # not of the real path: that of a pipe (/proc/1/fd/3) is none
    except FileNotFoundError:
        return _Place(path, None, real, None)
    if stat.S_ISDIR(mode):
        raise UsageError(f"{quote(path)} is a folder", "name a file")
    return _Place(path, None, real if os.path.lexists(real) else path, mode)


def _refuse_leaving(path: str) -> str:
    """The real path of a file. Raises InputError where a link leads to it out of the project; OSError."""
    link = fences.leaving(path)
    if link is not None:
        raise InputError(f"{quote(path)} is not written: the symbolic link {quote(link)} leads out of the project",
                         "name a file that is no link")  # fmt: skip
    return fences.follow(path)[1]


def _descriptor(path: str) -> int | None:
    """The open descriptor of this process that a name such as `/dev/stdout` or `/dev/fd/63` means.

    Its file is never opened again: what was redirected there would be cut, and written from its beginning.
    """
    ours = {f"/proc/{os.getpid()}/fd", "/proc/self/fd", "/dev/fd"}
    with suppress(OSError):  # a process id of another namespace, it may be
        ours |= {f"/proc/{os.readlink(f'/proc/{name}')}/fd" for name in ("self", "thread-self")}
    links, last = fences.follow(path)
    for name in (*(link.path for link in links), last):
        folder, number = os.path.split(name)
        if folder in ours and number.isascii() and number.isdigit() and len(number) < 8:
            return int(number)
    return None


# Writing


def _replace(place: _Place, data: bytes, *, private: bool) -> None:
    mode = _PRIVATE if private else _PUBLIC
    descriptor, temporary = _beside(place, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if place.mode is not None and not private:
                os.fchmod(stream.fileno(), stat.S_IMODE(place.mode) & 0o777)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, place.path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _beside(place: _Place, mode: int) -> tuple[int, str]:
    """A new file in the folder of another: its descriptor, and its path."""
    folder = os.path.dirname(place.path)
    while True:
        temporary = os.path.join(folder, f".gatectl-{os.urandom(6).hex()}")
        with suppress(FileExistsError):
            return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), temporary


def _in_place(place: _Place, data: bytes, *, private: bool) -> None:
    if place.descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()  # what was printed before comes before
        _write_all(place.descriptor, data)
        return
    regular = place.mode is not None and stat.S_ISREG(place.mode)
    flags = os.O_WRONLY | os.O_CLOEXEC | (os.O_TRUNC | _NO_FOLLOW if regular else 0)
    descriptor = os.open(place.path, flags)
    try:
        if regular and private:
            with suppress(OSError):  # somebody else's file stays as open as they made it
                os.fchmod(descriptor, _PRIVATE)
        _write_all(descriptor, data)
        if regular:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes, write: Callable[[int, memoryview], int] = os.write) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[write(descriptor, rest) :]


def _failed(path: str, error: OSError) -> InputError:
    hints = {errno.ENOSPC: "free some space", errno.EDQUOT: "free some space"}
    reason = error.strerror or str(error)
    return InputError(
        f"{quote(path)} cannot be written: {reason}", hints.get(error.errno or 0, "check the path and its permissions")
    )
