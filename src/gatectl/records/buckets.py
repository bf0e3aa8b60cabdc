"""Object stores: get, swap, list. Everything that gatectl knows of them is here, and nothing of what is kept in one.

Law: this is the only room that knows obstore. It turns that library's exceptions into the errors of gatectl, once, and no
message holds more of an answer than its first line. A store's configuration holds keys in clear and is never shown.

What is relied on, and why:

- A write says what it expects to replace: nothing, or one version. Whoever comes second is refused by the store.
- A refusal, or no answer, does not tell whether it was ours that was stored: the library repeats by itself what was done
  already. So every body carries a nonce, and whatever is not plainly done is settled by reading: bytes that are ours are done.
- `prove` shows that a store does refuse, before anything is kept there.
- The library's threads do not survive a fork: nothing that has opened a store may fork.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatectl.documents.proofs import effect_of_request
from gatectl.errors import (
    DeadlinePassed,
    Forbidden,
    GatectlError,
    MissingCredential,
    NotAuthenticated,
    PlatformError,
    Unreachable,
    UsageError,
)
from gatectl.files.packing import read_json
from gatectl.network.addresses import StoreAddress, http_address
from gatectl.platforms.interface import Connection, Heard
from gatectl.quote import quote

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Credential

_FORMAT: Final = 1
_ANSWER: Final = 10.0
"""Seconds for one request."""
_CONNECT: Final = timedelta(seconds=3)
_RETRY: Final = 15.0
"""Seconds in which a request is repeated that got no good answer."""

_OWN: Final = "GATECTL_RECORDS_"
_OWN_KEY: Final = "GATECTL_RECORDS_AWS_ACCESS_KEY_ID"
_OWN_HALF: Final = "GATECTL_RECORDS_AWS_SECRET_ACCESS_KEY"
_OWN_SESSION: Final = "GATECTL_RECORDS_AWS_SESSION_TOKEN"
_BEGINS: Final[Mapping[str, str]] = {"s3": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}
"""How the variables of each cloud begin."""
_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_WHO: Final[Mapping[str, frozenset[str]]] = {
    "s3": frozenset(
        ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
         "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    ),
    "gs": frozenset(("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_SERVICE_ACCOUNT_KEY",
                     "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_BEARER_TOKEN")),
    "az": frozenset(("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN",
                     "AZURE_STORAGE_TOKEN", "AZURE_CLIENT_ID", "AZURE_STORAGE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")),
}  # fmt: skip
"""The variables that say who asks, one of which suffices."""
_WHERE: Final[Mapping[str, frozenset[str]]] = {
    "s3": frozenset(
        (*_KEYS, "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ROLE_ARN",
         "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST")
    ),
    "gs": frozenset(("GOOGLE_BASE_URL",)),
    "az": frozenset(
        ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID",
         "AZURE_STORAGE_CLIENT_SECRET", "AZURE_STORAGE_TENANT_ID", "AZURE_AUTHORITY_HOST")
    ),
}  # fmt: skip
"""The variables that say the rest."""
_ENDPOINTS: Final = ("AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "GOOGLE_BASE_URL")
_ALIASES: Final = {"AWS_ENDPOINT_URL_S3": "AWS_ENDPOINT", "AWS_ENDPOINT_URL": "AWS_ENDPOINT"}


class Found(NamedTuple):
    """An object: its bytes, and the version that a write would replace."""

    data: bytes
    version: Version


class Version(NamedTuple):
    """What tells one state of an object from another; which of the two counts is the store's matter."""

    e_tag: str | None
    version: str | None

    @property
    def told(self) -> dict[str, str]:
        """What the store tells of it: the library takes no None."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class Objects:
    """A bucket, below a prefix. Raises NotAuthenticated, Unreachable, DeadlinePassed, PlatformError."""

    def __init__(
        self, store: ObjectStore, place: str, ends: float | None, now: Callable[[], float], heard: Heard | None = None
    ) -> None:
        self._heard = heard
        self._store = store
        self.place = place
        self._ends = ends
        self._now = now

    def called(self, key: str) -> str:
        """An object as messages name it."""
        return f"{self.place}/{key}"

    def get(self, key: str) -> Found | None:
        """An object; None where there is none."""
        import obstore

        try:
            with self._translated("GET", key):
                result = obstore.get(self._store, key)
                return Found(bytes(result.bytes()), Version(result.meta["e_tag"], result.meta["version"]))
        except FileNotFoundError:
            return None

    def swap(self, key: str, data: bytes, before: Version | None) -> Version | None:
        """Write an object in place of one version (None: of nothing); the new version, or None where something else is there.

        `data` is unlike all that anybody else writes there (`body`), so that what was stored without an answer is known again.
        """
        import obstore

        refused: Exception | None = None
        try:
            with self._translated("PUT", key):
                mode: Any = "create" if before is None else before.told
                done = obstore.put(self._store, key, data, mode=mode, use_multipart=False)
                return Version(done["e_tag"], done["version"])
        except (FileNotFoundError, _Refused):
            pass
        except Unreachable as error:
            refused = error
        found = self.get(key)
        if found is not None and found.data == data:
            return found.version
        if refused is not None:
            raise refused
        return None

    def delete(self, key: str) -> None:
        """An object is not there any more; it need not be there."""
        import obstore

        with suppress(FileNotFoundError), self._translated("DELETE", key):
            obstore.delete(self._store, key)

    def below(self, prefix: str) -> list[str]:
        """The names one level below a prefix that others lie under, sorted."""
        import obstore

        with self._translated("LIST", prefix):
            listed = obstore.list_with_delimiter(self._store, prefix)
        return sorted(name.rstrip("/").rpartition("/")[2] for name in listed["common_prefixes"])

    def prove(self) -> None:
        """Find out that the store refuses who comes second. Raises PlatformError where it does not.

        It leaves nothing behind, where deleting is permitted.
        """
        key = f"proofs/{secrets.token_hex(8)}.json"
        first, second, third = (body({"proof": number}) for number in range(3))
        made = self.swap(key, first, None)
        if made is None:
            raise PlatformError(f"{quote(self.called(key))} is there and nobody can have written it", _ELSE)
        if self.swap(key, second, None) is not None or self.swap(key, second, made) is None:
            raise self._unconditional()
        if self.swap(key, third, made) is not None:
            raise self._unconditional()
        with suppress(Forbidden):  # who may only add keeps a small object there
            self.delete(key)

    def _unconditional(self) -> PlatformError:
        return PlatformError(
            f"{quote(self.place)} does not honour conditional writes: two applies could take each other's place there",
            _ELSE,
        )

    @contextmanager
    def _translated(self, method: str, key: str) -> Iterator[None]:
        """Around one request: tell of it, and turn what obstore raises into the errors of gatectl; a refused condition into
        `_Refused`. FileNotFoundError stays."""
        from obstore import exceptions

        if self._ends is not None and self._now() >= self._ends:
            raise DeadlinePassed(
                f"{quote(self.place)} did not answer before the deadline passed", "give it more time: --deadline"
            )
        where = quote(self.called(key))
        if self._heard is not None:
            self._heard(effect_of_request(method, signs_in=False), method, key)
        try:
            yield
        except FileNotFoundError:
            raise
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
            raise _Refused from error
        except (exceptions.BaseError, NotImplementedError, TypeError, ValueError) as error:
            raise self._explained(error, where) from error

    def _explained(self, error: Exception, where: str) -> GatectlError:
        from obstore import exceptions

        if isinstance(error, exceptions.UnauthenticatedError):
            return NotAuthenticated(f"{where}: the store does not know who asks: {_words(error)}", _CREDENTIALS)
        if isinstance(error, exceptions.PermissionDeniedError):
            return Forbidden(f"{where}: the store does not permit it: {_words(error)}", _CREDENTIALS)
        if isinstance(error, (NotImplementedError, exceptions.NotSupportedError)):
            return self._unconditional()
        if isinstance(
            error, (exceptions.UnknownConfigurationKeyError, exceptions.InvalidPathError, TypeError, ValueError)
        ):
            return UsageError(f"{where} cannot be asked for: {_words(error)}")
        return Unreachable(f"{where}: {_words(error)}", "check the bucket, the region and the endpoint")


class _Refused(Exception):
    """The store holds something else than was expected."""


_ELSE: Final = "name another store: an object store that honours If-Match and If-None-Match, or a database"
_CREDENTIALS: Final = f"its credentials are {_OWN}AWS_… (GOOGLE_…, AZURE_…), else the cloud's own variables"


def body(content: Mapping[str, object]) -> bytes:
    """What an object of ours holds: JSON, with a nonce that makes it unlike any other."""
    return json.dumps({"format": _FORMAT, "nonce": secrets.token_hex(16), **content}).encode()


def content(data: bytes, field: str) -> object:
    """What an object of ours holds (`body`). Raises ValueError for what is none, or a newer gatectl wrote."""
    document = read_json(data)
    if not isinstance(document, Mapping) or not isinstance(document.get("format"), int) or "nonce" not in document:
        raise ValueError("it is nothing that gatectl writes")
    if document["format"] > _FORMAT:
        raise ValueError(f"a newer gatectl wrote it (format {document['format']}, this one knows {_FORMAT})")
    if field not in document:
        raise ValueError(f"it holds no {field}")
    found: object = document[field]
    return found


def open_objects(connection: Connection, address: StoreAddress) -> Objects:
    """A bucket, with the credentials that are there for it. Nothing is asked yet.

    Raises UsageError where obstore is not installed or a variable cannot be meant, MissingCredential.
    """
    try:
        from obstore import exceptions, store
    except ImportError:
        raise UsageError("object stores need the package obstore", "install gatectl with its extra 'objects'") from None
    now = connection.clock.now
    left = math.inf if connection.ends is None else max(1.0, connection.ends - now())
    config, provider = _config(connection.environ, address.scheme, ambient=connection.records.ambient), None
    in_clear = _in_clear(config)
    if address.scheme == "s3":
        config["aws_conditional_put"] = "etag"  # whatever a variable says
        provider = _own_keys(connection.environ)
    common: dict[str, Any] = {
        "config": config,
        "prefix": address.prefix or None,
        "client_options": {
            "timeout": timedelta(seconds=min(_ANSWER, left)), "connect_timeout": _CONNECT, "allow_http": in_clear,
        },
        "retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=min(_RETRY, left))},
    }  # fmt: skip
    try:
        opened: ObjectStore
        if address.scheme == "s3":
            opened = store.S3Store(address.host, credential_provider=provider, **common)
        elif address.scheme == "gs":
            opened = store.GCSStore(address.host, **common)
        else:
            opened = store.AzureStore(address.host, **common)
    except (exceptions.BaseError, TypeError, ValueError) as error:
        raise UsageError(f"{quote(str(address))} cannot be opened: {_words(error)}", _CREDENTIALS) from error
    return Objects(opened, str(address), connection.ends, now, connection.heard("records"))


def _config(environ: Mapping[str, str], scheme: str, *, ambient: bool) -> dict[str, str]:
    """What the variables of a cloud say, those of GATECTL_RECORDS_ before the usual ones. Raises MissingCredential.

    The library reads the process's own by itself; where a program hands in others, it is told all that it is to know.
    """
    named = {name.removeprefix(_OWN): value for name, value in environ.items() if name.startswith(_OWN) and value}
    own = {name: named[name] for name in named if name.startswith(_BEGINS[scheme])}
    usual = {name: environ[name] for name in _WHO[scheme] | _WHERE[scheme] if environ.get(name)}
    if not _WHO[scheme] & {*own, *usual}:
        _refuse_nobody(environ, scheme, ambient=ambient)
    taken = _KEYS if environ.get(_OWN_KEY) else ()
    return {name.lower(): value for name, value in _by_one_name(usual, own).items() if name not in taken}


def _refuse_nobody(environ: Mapping[str, str], scheme: str, *, ambient: bool) -> None:
    """Raises MissingCredential where no variable says who asks and nothing else may: a role of the machine, for the command."""
    if not ambient:
        hint = f"set one of {', '.join(sorted(_WHO[scheme]))}"
        raise MissingCredential(f"there are no credentials for the records in {scheme}://", hint)
    if scheme == "s3" and environ.get("AWS_PROFILE"):
        hint = f"set {_OWN_KEY} and {_OWN_HALF}, or what the profile leads to"
        raise MissingCredential("AWS_PROFILE is not read for records", hint)


def _by_one_name(usual: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Variables, of which the more particular one counts where several say the same, and our own before all."""
    return {_ALIASES.get(name, name): value for name, value in (*sorted(usual.items()), *sorted(own.items()))}


def _own_keys(environ: Mapping[str, str]) -> Callable[[], S3Credential] | None:
    """The keys of GATECTL_RECORDS_, whole: no session of somebody else's is mixed into them. None: there are none.

    Raises MissingCredential for half of a pair.
    """
    key, secret, token = (environ.get(name) or None for name in (_OWN_KEY, _OWN_HALF, _OWN_SESSION))
    if key is None and secret is None:
        return None
    if key is None or secret is None:
        missing, other = (_OWN_KEY, _OWN_HALF) if key is None else (_OWN_HALF, _OWN_KEY)
        raise MissingCredential(f"{missing} is not set, and {other} is", "set both, or none")
    return lambda: {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": None}


def _in_clear(config: Mapping[str, str]) -> bool:
    """Whether an endpoint may be spoken to without TLS: only this machine. Raises UsageError for any other."""
    named = [value for name, value in config.items() if name.upper() in _ENDPOINTS]
    return any(http_address(value, "the endpoint of the records", "leave it out").scheme == "http" for value in named)


def _words(error: BaseException) -> str:
    """The first line of what the library says, without what stands behind a question mark: there are signatures."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return quote(lines[0].partition("?")[0])
