"""The way in. `--version` is answered before anything else is imported, so that it costs no more than Python itself."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        from gatectl import __version__

        sys.stdout.write(f"gatectl {__version__}\n")
        return
    try:
        from gatectl.cli.exits import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
