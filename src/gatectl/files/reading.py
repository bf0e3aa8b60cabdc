"""Files that a stranger may have put there, read without waiting: a pipe that nobody writes to would end no run."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular(path: str | Path, limit: int = -1) -> bytes:
    """What a regular file begins with, `limit` bytes of it at most (-1: all). Raises OSError, for what is none as well."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return stream.read(limit)
