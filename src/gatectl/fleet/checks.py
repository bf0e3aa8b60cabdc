"""What a fleet file of the right shape says and cannot mean: what its schema has no words for. Asks nobody but the time zone
database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Final

from gatectl.errors import UsageError
from gatectl.fleet.targets import is_pattern
from gatectl.fleet.values import FOLDER, Fleet, Source
from gatectl.manifests.guarding import check_windows
from gatectl.manifests.wording import nearest, suggestion
from gatectl.model import Document, Finding, Pointer, Related, Spot
from gatectl.network.addresses import http_address
from gatectl.platforms import driver_for
from gatectl.quote import quote
from gatectl.records.chosen import check_store

_BRACES: Final = re.compile(r"\{[^{}]*\}")
_PASSWORD: Final = re.compile(r"[?&](?:ssl)?password=[^&]", re.IGNORECASE)
_PLATFORMS: Final = "https://…, postgresql://… or sqlite:////absolute/path"


def check_fleet(document: Document, fleet: Fleet) -> Iterator[Finding]:
    """All that is wrong with a fleet whose document fits its schema."""
    yield from _of_spec(document, fleet)
    yield from _twice(document, "name", ((s.name.casefold(), s.name) for s in fleet.sources), "source")
    yield from _shared_hooks(document, fleet.sources)
    yield from _dependencies(document, fleet.sources)
    for index, source in enumerate(fleet.sources):
        at: Pointer = ("spec", "sources", index)
        yield from _git(document, at, source)
        yield from _way(document, at, source)
        yield from _parts(document, at, source)
        yield from check_windows(document, (*at, "windows"), source.windows)


# The fleet


def _of_spec(document: Document, fleet: Fleet) -> Iterator[Finding]:
    address = fleet.database.address if fleet.database is not None else None
    if address is not None:
        yield from _database(Spot(document, ("spec", "database")), address)
    first: dict[str, int] = {}
    for index, budget in enumerate(fleet.platforms):
        if first.setdefault(budget.match, index) != index:
            other = Spot(document, ("spec", "platforms", first[budget.match], "match"))
            yield Finding("GW205", f"the platform '{quote(budget.match)}' has a budget already", "keep one of them",
                          spot=Spot(document, ("spec", "platforms", index, "match")),
                          related=(Related(other, "the first one"),))  # fmt: skip
    for index, each in enumerate(fleet.notify):
        yield from _http(Spot(document, ("spec", "notify", index, "url")), each.url, "the address of events")
    yield from _proxies(document, fleet)


def _database(spot: Spot, address: str) -> Iterator[Finding]:
    if address.startswith("postgresql://"):
        yield from _hidden(spot, address, "name the variable that holds the address: {env: NAME}")
        try:
            check_store(address)
        except UsageError:
            yield Finding("GW204", "spec.database cannot be read", "postgresql://host/database", spot=spot)
    elif not address.startswith("sqlite:///") or address == "sqlite:///":
        message = f"no controller's database is called '{quote(address.partition('://')[0])}'"
        yield Finding("GW204", message, "postgresql://host/database or sqlite:///path", spot=spot)


def _proxies(document: Document, fleet: Fleet) -> Iterator[Finding]:
    for index, network in enumerate(fleet.trusted_proxies):
        try:
            ip_network(network)
        except ValueError:
            yield Finding("GW204", f"'{quote(network)}' is no network", "an address and a length: 10.0.0.0/8",
                          spot=Spot(document, ("spec", "trustedProxies", index)))  # fmt: skip
    for there, missing, why in (
        (fleet.trusted_proxies, fleet.user_header, "userHeader"), (fleet.user_header, fleet.trusted_proxies, "trustedProxies"),
    ):  # fmt: skip
        if there and not missing:
            yield Finding("GW201", f"required field '{why}' of spec is missing",
                          "a trusted proxy says in a header who a user is: trustedProxies and userHeader go together",
                          spot=Spot(document, ("spec",)))  # fmt: skip


# Several sources


def _twice(document: Document, field: str, names: Iterable[tuple[str, str]], what: str) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, (key, name) in enumerate(names):
        before = first.setdefault(key, index)
        if before != index:
            yield Finding("GW205", f"there is another {what} called '{quote(name)}'", "give each a name of its own",
                          spot=Spot(document, ("spec", "sources", index, field)),
                          related=(Related(Spot(document, ("spec", "sources", before, field)), "the first one"),))  # fmt: skip


def _shared_hooks(document: Document, sources: Iterable[Source]) -> Iterator[Finding]:
    """A path is of one repository, and is signed with one secret; several sources of that repository may share it."""
    first: dict[str, tuple[int, Source]] = {}
    for index, source in enumerate(sources):
        if source.webhook is None:
            continue
        before, other = first.setdefault(source.webhook.path, (index, source))
        if (other.git.url, other.webhook) != (source.git.url, source.webhook):
            what = "of another repository" if other.git.url != source.git.url else "with another secret"
            yield Finding("GW205", f"the webhook '{quote(source.webhook.path)}' is that of source '{quote(other.name)}', {what}",
                          "give each repository a path of its own",
                          spot=Spot(document, ("spec", "sources", index, "webhook", "path")),
                          related=(Related(Spot(document, ("spec", "sources", before, "webhook", "path")), "the first one"),))  # fmt: skip


def _dependencies(document: Document, sources: tuple[Source, ...]) -> Iterator[Finding]:
    """Names of `dependsOn` that no source has, and the one that closes a circle."""
    known: dict[str, int] = {}
    for index, source in enumerate(sources):
        known.setdefault(source.name, index)
    for index, source in enumerate(sources):
        for position, name in enumerate(source.depends_on):
            if name not in known:
                near = nearest(name, list(known))
                yield Finding("GW204", f"source '{quote(source.name)}' depends on '{quote(name)}', and there is no such source",
                              suggestion(near) if near else f"one of {', '.join(map(quote, known))}",
                              spot=Spot(document, ("spec", "sources", index, "dependsOn", position)))  # fmt: skip
    for circle in _circles(sources, known):
        last, first = sources[known[circle[-1]]], circle[0]
        shown = " → ".join(map(quote, (*circle, first)))
        yield Finding("GW204", f"sources that depend on each other wait for ever: {shown}", "remove one of these dependencies",
                      spot=Spot(document, ("spec", "sources", known[last.name], "dependsOn", last.depends_on.index(first))))  # fmt: skip


def _circles(sources: tuple[Source, ...], known: Mapping[str, int]) -> Iterator[list[str]]:
    """The circles of `dependsOn`, each once, from the source of it that stands first in the way. Not recursive: a chain may be long."""
    done: set[str] = set()
    for start in known:
        path: list[str] = []
        stack = [] if start in done else [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                done.add(path.pop())
            elif name in path:
                yield path[path.index(name) :]
            elif name not in done:
                path.append(name)
                stack.append((name, True))
                stack += [(other, False) for other in reversed(sources[known[name]].depends_on) if other in known]


# One source


def _git(document: Document, at: Pointer, source: Source) -> Iterator[Finding]:
    url, spot = source.git.url, Spot(document, (*at, "git", "url"))
    if url.startswith("/"):
        return
    if not url.startswith(("https://", "http://")):
        yield Finding("GW204", f"git.url '{quote(url)}' is no way to a repository that a controller goes",
                      "https://host/path, or the absolute path of a repository on this machine", spot=spot)  # fmt: skip
    elif "@" in url.partition("://")[2].partition("/")[0]:
        hint = "put it into a file that only the controller can read: credentials: {file: …}"
        yield Finding("GW601", "git.url holds a user or a password", hint, spot=spot)
    else:
        yield from _http(spot, url, "git.url")


def _way(document: Document, at: Pointer, source: Source) -> Iterator[Finding]:
    """The platform, what it is signed in to with, and the records."""
    yield from _platform(Spot(document, (*at, "platform")), source.platform)
    if source.token is not None and source.login is not None:
        yield _beside(document, at, "login", "token")
    if source.platform.startswith("https://") and source.token is None and source.login is None:
        yield Finding("GW201", f"source '{quote(source.name)}' has nothing to sign in with: token or login is missing",
                      "add token: {file: …}; GATECTL_TOKEN is never used for a fleet", spot=Spot(document, at))  # fmt: skip
    if source.records is not None:
        yield from _records(Spot(document, (*at, "records")), source.records)
    if source.approve_by is not None:
        host = Spot(document, (*at, "approveBy", "mergedPullRequest", "host"))
        yield from _http(host, source.approve_by.host, "the address of the code host")


def _platform(spot: Spot, platform: str) -> Iterator[Finding]:
    if platform.startswith(("https://", "http://")):
        yield from _http(spot, platform, "the platform's address")
        return
    if platform.startswith("postgresql://"):
        yield from _hidden(
            spot, platform, "let the database know the controller otherwise: PGPASSFILE, or a certificate"
        )
        return
    if platform.startswith("sqlite:///"):
        if not platform.startswith("sqlite:////"):
            message = f"the platform '{quote(platform)}' is relative, and a controller is in no folder"
            yield Finding("GW204", message, "sqlite:////absolute/path", spot=spot)
        return
    word = quote(platform.partition("://")[0])
    message = f"no platform is called '{word}'"
    if _is_known(platform):
        message = f"the platform of a source cannot be '{word}': that one is of a checkout or of a program"
    yield Finding("GW204", message, _PLATFORMS, spot=spot)


def _is_known(platform: str) -> bool:
    """Whether there is such a platform at all."""
    try:
        driver_for(platform)
    except UsageError:
        return False
    return True


def _records(spot: Spot, records: str) -> Iterator[Finding]:
    try:
        check_store(records)
    except UsageError as error:
        yield Finding("GW204", error.message, error.hint, spot=spot)
        return
    if records.startswith("postgresql://"):
        yield from _hidden(
            spot, records, "let the database know the controller otherwise: PGPASSFILE, or a certificate"
        )
    elif records == "none":
        message = "a controller without records would not know what it applied"
        yield Finding("GW204", message, "leave it out: then it is the controller's database", spot=spot)
    elif records.startswith("sqlite:///") and not records.startswith("sqlite:////"):
        message = f"the records '{quote(records)}' are relative, and a controller is in no folder"
        yield Finding("GW204", message, "sqlite:////absolute/path", spot=spot)


def _parts(document: Document, at: Pointer, source: Source) -> Iterator[Finding]:
    """Which part of the repository it is, and which workspaces."""
    if source.folders is not None:
        if not is_pattern(source.folders):
            yield Finding("GW205", f"forEach.folders '{quote(source.folders)}' is no pattern of folders below the repository's top",
                          "relative and without '..': teams/*", spot=Spot(document, (*at, "forEach", "folders")))  # fmt: skip
        if "project" in document.data["spec"]["sources"][at[-1]]:
            yield _beside(document, at, "project", "forEach")
    elif source.project is not None and not is_pattern(source.project):
        yield Finding("GW205", f"project '{quote(source.project)}' is no path below the repository's top",
                      "relative and without '..': infra/gatectl.yaml", spot=Spot(document, (*at, "project")))  # fmt: skip
    for index, pattern in enumerate(source.workspaces or ()):
        for name in _BRACES.findall(pattern):
            if name == FOLDER and source.folders is not None:
                continue
            hint = "it stands for the folder of forEach, and there is none" if name == FOLDER else suggestion(FOLDER)
            yield Finding("GW207", f"nothing is called {quote(name)} here", hint,
                          spot=Spot(document, (*at, "workspaces", index)))  # fmt: skip


def _beside(document: Document, at: Pointer, field: str, other: str) -> Finding:
    message = f"'{field}' cannot stand beside '{other}'"
    return Finding("GW202", message, f"remove {field} or {other}", spot=Spot(document, (*at, field), "key"))


# Addresses


def _http(spot: Spot, url: str, what: str) -> Iterator[Finding]:
    yield from _refused(spot, lambda: http_address(url, what, "keep it in a file or a variable"))


def _refused(spot: Spot, read: Callable[[], object]) -> Iterator[Finding]:
    try:
        read()
    except UsageError as error:
        yield Finding("GW204", error.message, error.hint, spot=spot)


def _hidden(spot: Spot, address: str, hint: str) -> Iterator[Finding]:
    """GW601 for the address of a database that holds a password. It never shows it."""
    user = address.partition("://")[2].rpartition("@")[0]
    if ":" in user or _PASSWORD.search(address):
        field = ".".join(str(part) for part in spot.pointer if isinstance(part, str))
        yield Finding("GW601", f"{quote(field)} holds a password", hint, spot=spot)
