"""The mirrors and trees of this machine, below a folder of the controller's own; processes of one machine may share it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from gatectl.clock import CLOCK, Clock, Deadline
from gatectl.controller import checkouts
from gatectl.controller.opening import Checkout
from gatectl.controller.repositories import Followed
from gatectl.credentials import pasted
from gatectl.errors import InputError
from gatectl.files.outputs import write
from gatectl.files.reading import read_regular
from gatectl.fleet import trees
from gatectl.fleet.mirrors import Head, Mirror, authorization
from gatectl.fleet.values import Fleet, Source
from gatectl.quote import quote

_AT_ONCE: Final = 256
"""Commits whose submodules are remembered: git is not asked about them at each look."""
_MOST: Final = 64 * 1024
_OUT: Final = 3_600.0
"""Seconds for which the files of a commit stay after it was the newest: longer than a look may take."""


class Mirrored:
    """`folder` is where mirrors and trees are, `beside` what the fleet file's paths are relative to."""

    def __init__(self, folder: Path, fleet: Fleet, environ: Mapping[str, str], clock: Clock = CLOCK) -> None:
        self._folder = folder
        self._beside = Path(fleet.file).absolute().parent
        self._environ = environ
        self._clock = clock
        self._turn = threading.Lock()
        self._known: OrderedDict[tuple[str, str], Checkout] = OrderedDict()

    def mirror(self, source: Source, until: Deadline) -> Mirror:
        """The mirror of a source's repository. Raises InputError for credentials that cannot be read."""
        return Mirror(self._folder / "mirrors", source.git.url, self._header(source), until, self._environ)

    def checkout(self, source: Source, head: Followed, until: Deadline) -> Checkout:
        """The files of the commit that is followed, written out. Raises InputError, DeadlinePassed."""
        key = (source.git.url, head.commit)
        with self._turn:
            known = self._known.get(key)
            if known is not None and known.tree.is_dir():
                self._known.move_to_end(key)
                return known
        mirror = self.mirror(source, until)
        if mirror.fetch(Head(head.name, head.commit)) != head.commit and not mirror.follows(head.commit, head.commit):
            raise InputError(
                f"commit {head.commit} is not in {quote(source.git.url)} any more",
                "it was pushed by force: look at its branch",
            )
        made = checkouts.checkout_of(mirror, head.commit, self._trees(source.git.url), until)
        with self._turn:
            self._known[key] = made
            while len(self._known) > _AT_ONCE:
                self._known.popitem(last=False)
        return made

    def tidy(self, url: str, keep: Collection[str]) -> None:
        """Remove the files of commits of a repository that were not among those to keep for long. Raises InputError, DeadlinePassed."""
        folder = self._trees(url)
        if not folder.is_dir():
            return
        now = self._clock.wall()
        kept = set(keep)
        for place in folder.iterdir():
            mark = folder / f"{place.name}.out"
            if not place.is_dir() or place.name in keep:
                mark.unlink(missing_ok=True)
            elif not mark.exists():
                write(str(mark), "", private=True)
                kept.add(place.name)
            elif now - mark.stat().st_mtime < _OUT:
                kept.add(place.name)
            else:
                mark.unlink(missing_ok=True)
        trees.forget(folder, kept, Deadline(self._clock.now() + 60, self._clock))

    def _trees(self, url: str) -> Path:
        return Mirror(self._folder / "mirrors", url).folder / "trees"

    def _header(self, source: Source) -> str | None:
        """What the host of a source is sent; read now, since it may have been renewed."""
        file = source.git.credentials
        if file is None:
            return None
        try:
            return authorization(pasted.decoded(read_regular(str(self._beside / file), _MOST)))
        except (OSError, ValueError) as error:
            raise InputError(
                f"the credentials of {quote(source.git.url)} cannot be read", f"look at {quote(file)}"
            ) from error
        except pasted.Unusable as error:
            raise InputError(f"the credentials of {quote(source.git.url)} {error.problem}", error.hint) from None
