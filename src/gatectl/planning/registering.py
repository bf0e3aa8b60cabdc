"""What registering buckets and LLMs needs: credentials (GW201, GW501, GW502), and no second registration of one identity
(GW502). Nothing is written.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final

from gatectl.kinds import KINDS
from gatectl.kinds.interface import find_api_keys
from gatectl.model import CredentialReferences, Fields, Finding, Live, ObjectKey, Related, Spot
from gatectl.planning.current import Current
from gatectl.planning.match import Pair
from gatectl.planning.resolve import words
from gatectl.platforms.interface import Wire
from gatectl.platforms.wire import is_account_key
from gatectl.quote import quote
from gatectl.resources import Identity, comparable, fields_of, is_container

_POINTER: Final = ("spec", "credentials", "apiKey")

Registered = Mapping[tuple[str | None, Identity], Sequence[tuple[str, str]]]
"""The live buckets, and what else may register an identity twice, each as (label, id), by workspace and remote identity."""


def check_credentials(pair: Pair, current: Current) -> Iterator[Finding]:
    """What is wrong with the credentials of an object that is to be registered, or whose credentials are to be renewed."""
    manifest, reference = pair.manifest, pair.manifest.credentials
    if not reference:
        why = "it is not on the platform yet" if pair.live is None else "its credentials are to be renewed"
        yield Finding("GW201", f"required field 'credentials' of spec is missing: {why}",
                      "add credentials: {key: {env: …}, secret: {env: …}}, or apiKey", spot=Spot(manifest.document, ("spec",)),
                      subject=manifest.subject)  # fmt: skip
        return
    state = current.states.get(pair.key.workspace or "")
    if "apiKey" in reference and state is not None:
        yield from _check_api_key(pair, reference["apiKey"], state.context.api_keys)


def _check_api_key(pair: Pair, name: str, known: Mapping[str, Wire]) -> Iterator[Finding]:
    """Whether one provider API key has this id or description, and is one of the bucket's own account."""
    manifest = pair.manifest
    found = find_api_keys(name, known)
    spot = Spot(manifest.document, _POINTER)
    if not found:
        yield Finding("GW501", f"no provider API key of workspace '{quote(pair.key.workspace)}' has the id or description"
                      f" '{quote(name)}'", "create it in the platform, or name another one",
                      spot=spot, subject=manifest.subject)  # fmt: skip
    elif len(found) > 1:
        yield Finding("GW502", f"{len(found)} provider API keys are described as '{quote(name)}':"
                      f" {', '.join(map(quote, found))}",
                      "name one by its id", spot=spot, subject=manifest.subject)  # fmt: skip
    elif is_container(manifest.spec.get("type")) and (of := _account_of(known[found[0]])) is not None:
        account = str(manifest.spec["account"])
        if of.lower() != account.lower():
            yield Finding("GW502", f"provider API key '{quote(name)}' is of the storage account '{quote(of)}', and the"
                          f" manifest says account '{quote(account)}'", "name the key of that account, or the account of that key",
                          spot=spot, subject=manifest.subject)  # fmt: skip


def _account_of(api_key: Wire) -> str | None:
    """The storage account of a provider API key of Azure; None where its key is another thing: of a tenant, a client's id."""
    return str(api_key["key"]) if is_account_key(api_key) else None


def bound(pair: Pair, current: Current) -> CredentialReferences | None:
    """The references of a manifest; one to an API key by its description with the id that it has now."""
    reference = pair.manifest.credentials
    state = current.states.get(pair.key.workspace) if pair.key.workspace is not None else None
    if not reference or "apiKey" not in reference or state is None:
        return reference
    found = find_api_keys(reference["apiKey"], state.context.api_keys)
    return {**reference, "id": found[0]} if len(found) == 1 and found[0] != reference["apiKey"] else reference


def _may_be_another(pair: Pair) -> bool:
    return bool(pair.manifest.spec.get("allowDuplicate"))


def check_duplicates(pairs: Sequence[Pair], current: Current) -> Iterator[Finding]:
    """GW502 for a bucket to be registered whose identity is live, or declared, under another label.

    Among all of one identity only one need not allow it, in whatever order they are declared or come to be live.
    """
    buckets = [pair for pair in pairs if KINDS[pair.key.kind].doubles]
    allowed = {pair.live.id for pair in buckets if pair.live is not None and _may_be_another(pair)}
    live = _live_buckets(current, allowed)
    declared: dict[tuple[str | None, Identity], Pair] = {}
    for pair in buckets:
        if pair.live is not None or _may_be_another(pair):
            continue
        kind = KINDS[pair.key.kind]
        assert kind.identity is not None
        identity = kind.identity(kind.declared(pair.manifest))
        where = (pair.key.workspace, comparable(identity))
        earlier = declared.setdefault(where, pair)
        if where in live:
            labels = ", ".join(sorted(f"'{quote(b.key.name)}' {quote(b.id)}" for b in live[where]))
            what = f"{words(identity)} is already registered in workspace '{quote(where[0])}' as {labels}"
            yield _duplicate(pair, identity, what)
        elif earlier is not pair:
            what = f"{words(identity)} is also declared as '{quote(earlier.key.name)}' in workspace '{quote(where[0])}'"
            there = Related(
                Spot(earlier.manifest.document, ("metadata", "name")), f"declared as '{quote(earlier.key.name)}' here"
            )
            yield _duplicate(pair, identity, what, there)


def _live_buckets(current: Current, without: Container[str]) -> dict[tuple[str | None, Identity], list[Live]]:
    """The live buckets by workspace and identity, but those with these ids."""
    found: dict[tuple[str | None, Identity], list[Live]] = {}
    for live in current.lives():
        kind = KINDS[live.key.kind]
        if kind.doubles and kind.identity is not None and live.id not in without:
            found.setdefault((live.key.workspace, comparable(kind.identity(live.spec))), []).append(live)
    return found


def _duplicate(pair: Pair, identity: Identity, message: str, *related: Related) -> Finding:
    field = fields_of(identity[0])[-1]
    return Finding("GW502", message, "use that label, or say allowDuplicate: true",
                   spot=Spot(pair.manifest.document, ("spec", field)), subject=pair.manifest.subject, related=related)  # fmt: skip


def registered_buckets(current: Current) -> Registered:
    """Which live buckets there are of each remote identity."""
    found = _live_buckets(current, ())
    return {where: tuple(sorted((live.key.name, live.id) for live in lives)) for where, lives in found.items()}


def same_identity(registered: Registered, key: ObjectKey, spec: Fields) -> Sequence[tuple[str, str]]:
    """The (label, id) of the live buckets that have the remote identity of a bucket's normal form; of another kind, none."""
    kind = KINDS[key.kind]
    if not kind.doubles or kind.identity is None:
        return ()
    return registered.get((key.workspace, comparable(kind.identity(spec))), ())
