"""The way in. `--version` is answered before anything else is imported, so that it costs no more than Python itself."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    if sys.argv[1:] == ["--version"] and _print_version():
        return
    # A command lives for seconds and its data until the end, so there is nothing for the collector to find, modules least of all.
    gc.disable()
    from gatectl.signals import Watch

    watch = Watch()  # before all the rest is imported, which takes a while
    try:
        watch.begin()
        from gatectl.cli.exits import run

        code = run(sys.argv[1:], watch)
    except KeyboardInterrupt:
        code = _interrupted()
    watch.leave(code)


def _interrupted() -> int:
    """While the command line was imported; there is no second interrupt, so it can be now."""
    from gatectl.cli.exits import interrupted

    return interrupted(sys.argv[1:])


def _print_version() -> bool:
    """Whether it could be printed; else whoever knows how to fail does it again, so nothing may stay in a buffer."""
    from gatectl.version import __version__

    if sys.stdout is None:
        return False
    try:
        os.write(sys.stdout.fileno(), f"gatectl {__version__}{os.linesep}".encode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
