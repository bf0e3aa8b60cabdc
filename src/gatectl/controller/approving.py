"""Approvals: that somebody said yes to one plan of one target and commit, in a form that nobody can make up who only writes where it
is kept (product.md, section 9).

An approval carries an HMAC under the controller's key, which is a file beside the controller and in no database. What it covers is all
that it says, the saved plan by its digest among it.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, NamedTuple

from gatectl.clock import NEVER, Deadline
from gatectl.controller.signatures import seal
from gatectl.documents.plans import Plan, digest
from gatectl.errors import InputError
from gatectl.files.claims import claim
from gatectl.files.outputs import write
from gatectl.files.reading import read_regular
from gatectl.quote import quote

How = Literal["command", "page", "merged pull request"]

_LENGTH: Final = 32
_DOMAIN: Final = b"gatectl approval 1\n"
"""What is signed begins with this, so that nothing else that is signed with the key is taken for an approval."""


class Approval(NamedTuple):
    """A yes: to which plan (`digest`, `fingerprint`) of which target and commit, by whom, how and when, until when, and what it lifts
    with which reason. Moments are seconds since 1970, by the database's clock."""

    target: str
    commit: str
    fingerprint: str
    digest: str
    who: str
    how: How
    at: int
    until: int
    allow: tuple[str, ...] = ()
    reason: str | None = None


def make_approval(
    target: str, plan: Plan, who: str, how: How, at: int, seconds: float, allow: tuple[str, ...] = (), reason: str | None = None
) -> Approval:  # fmt: skip
    """An approval of a plan, for so many seconds from a moment on. Raises ValueError for a plan of no commit."""
    commit = plan["source"]["commit"]
    if commit is None:
        raise ValueError("a plan of no commit")
    return Approval(target, commit, plan["fingerprint"], digest(plan), who, how, at, at + int(seconds), allow, reason)


def sign(key: bytes, approval: Approval) -> str:
    """The HMAC of an approval."""
    return seal(key, _DOMAIN, approval._asdict())


def refusal(key: bytes, approval: Approval, mac: str, target: str, commit: str, plan: Plan, now: int) -> str | None:
    """Why an approval is none for a plan of a target and commit at a moment; None: it is one. `plan` is what is kept with it."""
    if not hmac.compare_digest(sign(key, approval).encode(), mac.encode("utf-8", "backslashreplace")):
        return "nobody approved it: its signature is not the controller's"
    if (approval.target, approval.commit) != (target, commit):
        return "it is an approval of another target or commit"
    if (approval.digest, approval.fingerprint) != (digest(plan), plan["fingerprint"]):
        return "the plan that is kept with it is not the one that was approved"
    return "it has lapsed" if now >= approval.until else None


def key_of(file: Path, until: Deadline = NEVER) -> bytes:
    """The controller's key, out of its file, which is made where it is not. Processes that share a database share the file's content.

    Raises InputError for a file that others can read, or that holds no key; DeadlinePassed.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(claim(file.with_name(f"{file.name}.lock"), until)):
            if not os.path.lexists(file):
                write(str(file), f"{secrets.token_hex(_LENGTH)}\n", private=True)
        status = file.lstat()
        text = read_regular(str(file), 4 * _LENGTH).decode("ascii", "replace").strip()
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    except OSError as error:
        raise InputError(
            f"the controller's key {quote(file)} cannot be read: {error.strerror}", "look at its folder"
        ) from error
    if len(key) != _LENGTH:
        raise InputError(
            f"{quote(file)} holds no key of a controller",
            f"{2 * _LENGTH} hexadecimal digits: openssl rand -hex {_LENGTH}",
        )
    if os.name == "posix" and status.st_mode & 0o077:
        raise InputError(f"others than the controller can read its key {quote(file)}", f"chmod 600 {quote(file)}")
    return key
