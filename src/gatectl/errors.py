"""What can go wrong in the world, as one tree of exceptions, and the exit code of each.

A user's mistakes in manifests are not here: they are findings (`model.Finding`), collected and reported together.

    GatectlError                 code, message, hint; exit 1
    ├── UsageError               the command line asks for something that cannot be (64)
    ├── InputError               a file that is not a manifest cannot be read or written, or is not what it should be (1)
    ├── MissingCredential        a reference to a secret leads nowhere (1)
    ├── Declined                 the person said no (1)
    ├── Invalid              a plan that has errors was to be applied (4)
    ├── GuardrailRefused         the plan exceeds what the environment allows (5)
    ├── StalePlan                the saved plan does not fit the platform any more, or another plan was expected (6)
    ├── Interrupted              SIGINT or SIGTERM (130)
    └── PlatformError            anything that a platform says or does not say
        ├── PlatformRefused      it answered no: its own code, and the status it would have over HTTP (1)
        │   └── PreconditionFailed   the object changed since it was read (412) (6)
        ├── Unsupported          it has no such endpoint (1)
        ├── IncompleteList       a list that did not come whole (10)
        │   └── NoList               its answer holds no such list (10)
        ├── NotAuthenticated     no token, or a wrong one (9)
        │   ├── Forbidden            a good one, but not permitted (9)
        │   ├── UntrustedHost        nobody said that this host may be spoken to (9)
        │   └── UntrustedStore       nobody said that records may be kept there (9)
        ├── DeadlinePassed       the time for the whole run is over; what was to be sent next was not (10)
        ├── Unreachable          no answer within the time there was (10)
        │   └── Uncertain            a request was sent, and whether it had an effect is not known (10)
        └── PlatformLocked       another process holds the store, or the lease of a workspace (8)
            ├── LeaseLost            the lease of this run is not its own any more: nothing may be written (8)
            └── OtherStore           the platform goes by leases of another store (8)

`exit_code` is the contract of product.md, section 2. The class decides, so that one place (`cli.exits`) turns everything
into exit codes.
"""

from __future__ import annotations

from typing import ClassVar

DONE = 0
FAILED = 1
CHANGES = 2
DESTRUCTIVE_CHANGES = 3
INVALID = 4
REFUSED = 5
STALE = 6
PARTLY_APPLIED = 7
LOCKED = 8
NOT_AUTHENTICATED = 9
UNREACHABLE = 10
USAGE = 64
INTERRUPTED = 130


class GatectlError(Exception):
    """Something that stops the command: what (message), what to do about it (hint), and a word for programs (code)."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = FAILED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GatectlError):
    code = "usage"
    exit_code = USAGE


class InputError(GatectlError):
    code = "input"


class MissingCredential(GatectlError):
    code = "missing_credential"


class Declined(GatectlError):
    code = "declined"


class Invalid(GatectlError):
    code = "invalid"
    exit_code = INVALID


class GuardrailRefused(GatectlError):
    code = "guardrail"
    exit_code = REFUSED


class StalePlan(GatectlError):
    code = "stale_plan"
    exit_code = STALE


class Interrupted(GatectlError):
    code = "interrupted"
    exit_code = INTERRUPTED


class PlatformError(GatectlError):
    code = "platform"


class PlatformRefused(PlatformError):
    """The platform answered, and the answer is no.

    `platform_code` is the platform's own word (NAME_ALREADY_USED, …; "" where it has none), `status` the HTTP status
    that goes with it (platform-contract.md, sections 2.7 and 3).
    """

    code = "platform_refused"

    def __init__(self, message: str, *, platform_code: str = "", status: int = 400, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.platform_code = platform_code
        self.status = status


class PreconditionFailed(PlatformRefused):
    """The object is not what it was when it was read (If-Match did not match)."""

    code = "conflict"
    exit_code = STALE

    def __init__(self, message: str) -> None:
        super().__init__(message, platform_code="PRECONDITION_FAILED", status=412)


class Unsupported(PlatformError):
    """The platform has no such endpoint (U25: those of AI may be absent in production)."""

    code = "unsupported"


class IncompleteList(PlatformError):
    """A list that did not come whole: its answer says that there is more (U39), or what it holds cannot be read. What is not
    in it may be live all the same."""

    code = "incomplete_list"
    exit_code = UNREACHABLE


class NoList(IncompleteList):
    """An answer that says success and holds no such list: whoever answered, it is not known what is there."""


class NotAuthenticated(PlatformError):
    code = "unauthenticated"
    exit_code = NOT_AUTHENTICATED


class Forbidden(NotAuthenticated):
    code = "forbidden"


class UntrustedHost(NotAuthenticated):
    """A host that the operator does not trust (product.md, section 7). Nothing was sent to it; `place` is host and port."""

    code = "untrusted_host"

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place} is not a host that you trust: no connection was opened to it",
            f"if you do: gatectl trust {place}, or name it in GATECTL_TRUSTED_HOSTS; --platform names it for one run",
        )
        self.place = place


class UntrustedStore(NotAuthenticated):
    """A store of records that the operator does not trust (product.md, section 6). Nothing was read there or written."""

    code = "untrusted_store"

    def __init__(self, store: str) -> None:
        super().__init__(
            f"{store} is no store of records that you trust: nothing was read there or written",
            f"if you do: gatectl trust {store}, or name it in --records or GATECTL_RECORDS",
        )


class Unreachable(PlatformError):
    code = "unreachable"
    exit_code = UNREACHABLE


class DeadlinePassed(PlatformError):
    """The time for the whole run is over. Whatever was to be sent next was not."""

    code = "deadline"
    exit_code = UNREACHABLE


class Uncertain(Unreachable):
    """A request was sent, and whether it had an effect is not known.

    `settled` says that it is over one way or the other: the platform itself answered, if not in a way that can be read. After
    a timeout, a broken connection or a gateway's answer it may still be under way. `platform_code` is a reason that it gave.
    """

    def __init__(self, message: str, *, settled: bool, platform_code: str = "") -> None:
        super().__init__(message, "read the platform again before repeating it")
        self.settled = settled
        self.platform_code = platform_code


class PlatformLocked(PlatformError):
    code = "locked"
    exit_code = LOCKED


class Unsettled(PlatformLocked):
    """A run broke off, and nobody can tell whether it did what is to be done now."""

    code = "unsettled"


class LeaseLost(PlatformLocked):
    """A lease lapsed, or somebody else took it: what was to be written next was not, and nothing more is."""

    code = "lease_lost"


class OtherStore(PlatformLocked):
    """The platform was told of leases by another store of records, whose numbers cannot be compared."""

    code = "fence_of_another_store"

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            "name the store that the others use (records: in the environment, or --records); or if this one is to count from now on:"
            " gatectl lock adopt",
        )
