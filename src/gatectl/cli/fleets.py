"""What commands of a fleet share: which controller is asked, at its database or over HTTP, and who asks."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import click

from gatectl import clock
from gatectl.cli.options import deadline_option
from gatectl.documents.fleets import Act, FleetStatus, TargetStory
from gatectl.errors import InputError, UsageError
from gatectl.quote import quote

if TYPE_CHECKING:
    from gatectl.controller.acts import Desk
    from gatectl.fleet.values import Fleet

Function = TypeVar("Function", bound=Callable[..., Any])


class Controller(Protocol):
    """A controller as a command asks it (`acts`, `remote`)."""

    def status(self) -> FleetStatus: ...

    def story(self, target: str) -> TargetStory: ...

    def approve(self, target: str, fingerprint: str, allow: Sequence[str], reason: str | None) -> Act: ...

    def accept(self, target: str, commit: str) -> Act: ...

    def pause(self, target: str, reason: str | None) -> Act: ...

    def resume(self, target: str) -> Act: ...


class Where(NamedTuple):
    """Which controller is asked, as the command line says it, and for how many seconds."""

    fleet: str | None
    url: str | None
    database: str | None
    deadline: float

    @property
    def words(self) -> str:
        """The same options for a command line that is proposed."""
        if self.url is not None:
            return f"--url {quote(shlex.quote(self.url))}"
        more = " --database …" if self.database is not None else ""  # it may hold a password
        return f"--fleet {quote(shlex.quote(self.fleet or ''))}{more}"


def where_options(function: Function) -> Function:
    """The options that say which controller is asked; the command is handed a Where."""

    def handed(*values: Any, **options: Any) -> Any:
        where = Where(*(options.pop(name) for name in ("fleet", "url", "database", "deadline")))
        return function(*values, where=where, **options)

    handed.__doc__ = function.__doc__
    handed.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    handed = deadline_option(handed)
    for option in (
        click.option("--database", metavar="URL", help="Of that controller, where the fleet file does not name it."),
        click.option("--url", metavar="URL", help="The controller's own address, asked with GATECTL_CONTROLLER_TOKEN."),
        click.option("--fleet", metavar="FILE", help="The fleet file, whose controller's database is asked."),
    ):
        handed = option(handed)
    made: Any = handed
    return made  # type: ignore[no-any-return]


_WHICH: Final = "--fleet FILE for its database, or --url URL for its API"


@contextmanager
def controller_of(where: Where, *, key: bool = False) -> Iterator[Controller]:
    """The controller that the options mean. `key`: something is to be approved there.

    Raises UsageError where they mean none or two, and for a fleet file that is none; InputError where no controller was there yet.
    """
    if (where.fleet is None) == (where.url is None):
        raise UsageError("say which controller is asked, once", _WHICH)
    if where.url is not None:
        from gatectl.controller.remote import Remote

        if where.database is not None:
            raise UsageError("--database is for --fleet; a controller at --url has its own", _WHICH)
        ends = clock.current().now() + where.deadline
        with closing(Remote(where.url, ends=ends, clock=clock.current())) as remote:
            yield remote
    else:
        with _here(where, key=key) as here:
            yield here


@contextmanager
def _here(where: Where, *, key: bool) -> Iterator[Controller]:
    from gatectl.controller import approving, place
    from gatectl.controller.acts import Desk
    from gatectl.controller.database import Database
    from gatectl.fleet.reading import load_fleet

    fleet: Fleet = load_fleet(Path(where.fleet or ""))
    address = place.database_of(fleet, where.database, os.environ)
    with closing(Database(address, make=False)) as database:
        file = place.key_file_of(fleet, address, os.environ)
        if key and not os.path.lexists(file):
            raise InputError(
                f"the controller's key {quote(file)} is not there, and what is approved with another counts for nothing",
                f"approve where the controller runs, name the file in {place.KEY_FILE}, or ask it: --url URL",
            )
        yield _Here(Desk(database, fleet, approving.key_of(file) if key else None))


class _Here:
    """The controller of a database that this process may read and write."""

    def __init__(self, desk: Desk) -> None:
        from gatectl.applying.kept import actor_of
        from gatectl.controller import acts
        from gatectl.documents.receipts import user_at_host

        self._desk = desk
        self._acts = acts
        actor = actor_of(os.environ)
        self._who = user_at_host(actor.user, actor.host) or "somebody"

    def status(self) -> FleetStatus:
        return self._acts.status(self._desk)

    def story(self, target: str) -> TargetStory:
        return self._acts.story(self._desk, target)

    def approve(self, target: str, fingerprint: str, allow: Sequence[str], reason: str | None) -> Act:
        return self._acts.approve(self._desk, target, fingerprint, self._who, "command", allow, reason)

    def accept(self, target: str, commit: str) -> Act:
        return self._acts.accept(self._desk, target, commit, self._who)

    def pause(self, target: str, reason: str | None) -> Act:
        return self._acts.pause(self._desk, target, self._who, reason)

    def resume(self, target: str) -> Act:
        return self._acts.resume(self._desk, target, self._who)
