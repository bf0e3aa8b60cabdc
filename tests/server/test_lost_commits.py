"""A server whose database does not say whether it kept what was written says so, and does not say that nothing was."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gatectl.errors import Uncertain
from gatectl.platforms.embedded import open_writer
from gatectl.platforms.flashback import open_writer as open_client
from gatectl.platforms.interface import Connection
from platforms.losing import Losing


@pytest.mark.parametrize("asked", [True, False])
def test_a_write_whose_commit_is_not_answered_is_504_and_not_known_to_the_client(
    serve: Any, postgresql_url: str, asked: bool
) -> None:
    open_writer(Connection(postgresql_url, Path("/"), named=True)).close()
    port = urlsplit(postgresql_url).port or 0
    with Losing(port) as proxy:
        served = serve("--database", postgresql_url.replace(f":{port}/", f":{proxy.port}/"))
        proxy.lose(b"COMMIT\0", asked=asked, hung_up=True)
        answer = served.call("POST", "/workspace", {"name": "one"}, status=504)
        assert answer["success"] is False
        proxy.lose(b"COMMIT\0", asked=asked, hung_up=True)
        with pytest.raises(Uncertain) as caught:
            open_client(Connection(served.url, Path("/"), named=True)).create("workspace", {"name": "two"})
        assert not caught.value.settled
        names = {item["name"] for item in served.call("GET", "/workspace")["workspaces"]}
        assert names == ({"default", "one", "two"} if asked else {"default"})
