"""The platform as some rehearsals have it: as it was a while ago, or with a PUT of a bucket that replaces it whole.

Law: what is written goes to the one platform there is, at once. A view only reads late, or writes otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Final

from gatectl.platforms.embedded.platform import COLLECTIONS, Made, Platform
from gatectl.platforms.interface import Collection, Wire
from gatectl.server.distortion import WORDS

_PROVIDER_KEYS: Final[Collection] = "apikeys"

Lists = Mapping[tuple[Collection, str | None], Sequence[Wire]]
"""All of a platform's lists at one moment, by collection and workspace (None: of all)."""


class History:
    """What the lists were after each write, for as long as somebody may be shown it (`longest`, in seconds)."""

    def __init__(self, platform: Platform, longest: float, now: Callable[[], float] = time.monotonic) -> None:
        self._platform = platform
        self._longest = longest
        self._now = now
        self._turn = Lock()
        self._moments: list[tuple[float, Lists]] = []
        self.note()

    def note(self) -> None:
        """Something was written just now. Raises PlatformError."""
        with self._turn:
            now = self._now()
            self._moments.append((now, self._lists()))
            while len(self._moments) > 1 and self._moments[1][0] <= now - self._longest:
                del self._moments[0]

    def before(self, seconds: float) -> Platform:
        """The platform as it was `seconds` ago; as it was at the beginning, if that is later."""
        with self._turn:
            then = self._now() - seconds
            seen = [lists for moment, lists in self._moments if moment <= then] or [self._moments[0][1]]
        return _Late(self._platform, seen[-1])

    def _lists(self) -> Lists:
        found: dict[tuple[Collection, str | None], Sequence[Wire]] = {
            (collection, None): self._platform.list(collection) for collection in COLLECTIONS
        }
        for workspace in found["workspace", None]:  # where a provider key is, its own reading does not say
            found[_PROVIDER_KEYS, workspace["id"]] = self._platform.list(_PROVIDER_KEYS, workspace["id"])
        return found


class _Late(Platform):
    """Lists as they were; what is written, and what is no list, is of now."""

    def __init__(self, platform: Platform, lists: Lists) -> None:
        super().__init__(platform.store)
        self._lists = lists

    def list(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        if workspace_id is None or collection == "workspace":
            return self._lists[collection, None]
        if collection == _PROVIDER_KEYS:
            return self._lists.get((collection, workspace_id), ())
        return [one for one in self._lists[collection, None] if one["workspaceId"] == workspace_id]

    def repository(self, repository_id: str) -> Wire | None:
        return next((one for one in self._lists["repo", None] if one["id"] == repository_id), None)


class Writing(Platform):
    """What is written is understood otherwise. `replaces`: a bucket is replaced whole, so that optional fields that are not
    sent are gone, the provider key among them. `folds`: words are taken in lower case too, as such a platform reads them."""

    def __init__(self, platform: Platform, *, replaces: bool, folds: bool) -> None:
        super().__init__(platform.store)
        self._replaces = replaces
        self._folds = folds

    def create_once(self, collection: Collection, body: Wire, key: str | None) -> Made:
        return super().create_once(collection, self._folded(body), key)

    def update(self, collection: Collection, object_id: str, body: Wire, etag: str | None = None) -> str:
        if self._replaces and collection == "bucket":
            return self.replace_bucket(object_id, self._folded(body), etag)
        return super().update(collection, object_id, self._folded(body), etag)

    def _folded(self, body: Wire) -> Wire:
        if not self._folds:
            return body
        return {n: value.upper() if n in WORDS and isinstance(value, str) else value for n, value in body.items()}
