"""Who we are to the platform: a token that was given, or a login that is kept fresh (platform-contract.md, section 3.1).

Tokens live in memory only. One refresh is under way at a time, whoever notices first that it is due.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from gatectl.errors import NotAuthenticated, PlatformError, PlatformRefused
from gatectl.platforms.interface import Credentials, Secret

Call = Callable[[str, Mapping[str, Any]], Any]
"""POST without a token: (path, body) → the body of a success; raises PlatformError."""

_EARLY: Final = 300.0


class Session(Protocol):
    def token(self) -> str | None:
        """The token to send now; fresh. Raises PlatformError."""

    def renew(self, refused: str | None) -> bool:
        """The platform refused this token: whether there is another one to try."""

    def secrets(self) -> list[str]:
        """All that must never be shown."""


class GivenToken:
    """A token from the environment or the project file; when it is refused there is no other."""

    def __init__(self, token: Secret | None) -> None:
        self._token = token

    def token(self) -> str | None:
        return self._token.reveal() if self._token is not None else None

    def renew(self, refused: str | None) -> bool:
        return False

    def secrets(self) -> list[str]:
        return [self._token.reveal()] if self._token is not None else []


class Login:
    """E-mail and password: logs in when first needed, refreshes before expiry and when refused."""

    def __init__(self, email: str, password: Secret, post: Call) -> None:
        self._email = email
        self._password = password
        self._post = post
        self._lock = threading.Lock()
        self._access: str | None = None
        self._refresh: str | None = None
        self._due = 0.0
        self._seen: list[str] = []

    def token(self) -> str | None:
        with self._lock:
            if self._access is None:
                self._login()
            elif time.time() >= self._due:
                self._fresh()
            return self._access

    def renew(self, refused: str | None) -> bool:
        with self._lock:
            if self._access == refused:  # nobody renewed it while we waited for the lock
                self._fresh()
            return True

    def secrets(self) -> list[str]:
        return [self._password.reveal(), *self._seen]

    def _fresh(self) -> None:
        """A new access token by refresh; by login where the platform does not take the refresh token (any more)."""
        if self._refresh is not None:
            for field in ("refresh_token", "refreshToken"):  # U18
                try:
                    self._take(self._post("/user/refresh", {field: self._refresh}))
                except PlatformRefused as error:
                    if error.status not in (400, 422):
                        break
                except NotAuthenticated:
                    break
                else:
                    return
        self._login()

    def _login(self) -> None:
        try:
            body = self._post("/user/login", {"email": self._email, "password": self._password.reveal()})
        except (PlatformRefused, NotAuthenticated) as error:
            raise NotAuthenticated(error.message, "check GATECTL_EMAIL and GATECTL_PASSWORD") from error
        self._take(body)

    def _take(self, body: Any) -> None:
        access = body.get("accessToken") if isinstance(body, Mapping) else None
        if not isinstance(access, str) or not access:
            raise NotAuthenticated(
                "the login gave no access token: does the account ask for a second factor?",
                "use an account without one, or a token (GATECTL_TOKEN)",
            )
        refresh = body.get("refreshToken")
        self._access = access
        self._refresh = refresh if isinstance(refresh, str) else self._refresh
        self._seen = [*self._seen, access, *([refresh] if isinstance(refresh, str) else [])][-8:]
        self._due = _refresh_at(access, body.get("expiresAt"), time.time())


def _refresh_at(token: str, expires_at: Any, now: float) -> float:
    """When to refresh: five minutes before expiry, or at four fifths of a shorter life (U19)."""
    expiry = _claim(token, "exp")
    if expiry is None and isinstance(expires_at, (int, float)):
        expiry = expires_at / 1000 if expires_at > 1e11 else float(expires_at)
    if expiry is None:
        return now + 3600 - _EARLY
    left = expiry - now
    return now + (left - _EARLY if left > 2 * _EARLY else left * 0.8)


def _claim(token: str, name: str) -> float | None:
    """A number out of a JWT's payload, read without verification: it is our own token."""
    try:
        payload = token.split(".")[1]
        value = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get(name)
    except (IndexError, ValueError, AttributeError):
        return None
    return float(value) if isinstance(value, (int, float)) else None


def make_session(credentials: Credentials | None, post: Call) -> Session:
    if credentials is None:
        return GivenToken(None)
    if credentials.token is not None:
        return GivenToken(credentials.token)
    if credentials.email is None or credentials.password is None:
        raise PlatformError(
            "a login needs both an e-mail address and a password", "set GATECTL_EMAIL and GATECTL_PASSWORD"
        )
    return Login(credentials.email, credentials.password, post)
