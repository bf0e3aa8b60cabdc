"""Who is asking: tokens from a file, and logins (platform-contract.md, section 3.1).

Law: a token or a password is compared in constant time, kept in memory only (a refresh token as a hash), and never in a
message. Access tokens are JWTs (HS256 under a key that lives as long as the process), so that a client can read `iat` and
`exp` from them, as from the real platform's; they last an hour unless a rehearsal makes them shorter.

Without tokens and without users everybody is let in, with any token or none: the server then listens on loopback only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from gatectl.errors import PlatformRefused
from gatectl.platforms.embedded.identity import new_id, timestamp
from gatectl.server.attempts import Attempts

HOUR = 3600.0
_MINUTE = 60.0

_OWNER_ROLE = 0xFF
_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
_NOBODY = "nobody@gatectl.invalid"


class _Refresh(NamedTuple):
    """A refresh token that was given out."""

    id: str
    email: str
    created_at: str


class Sessions:
    """The tokens that are good now."""

    def __init__(
        self, tokens: Sequence[str], users: Mapping[str, str], access_seconds: float = HOUR,
        clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._attempts = Attempts(clock)
        self._wall = wall
        self._tokens = [_bytes(token) for token in tokens]
        self._users = {email.lower(): _bytes(password) for email, password in users.items()}
        self._access_seconds = access_seconds
        self._key = secrets.token_bytes(32)
        self._refresh: dict[str, _Refresh] = {}
        self._expired: set[str] = set()
        self._turn = Lock()

    @property
    def open(self) -> bool:
        """Whether anybody is let in."""
        return not self._tokens and not self._users

    def admit(self, token: str) -> None:
        """Raises PlatformRefused (401) unless the token is good, or none is asked for."""
        if token and token in self._expired:
            raise _unauthorized("the access token has expired", "TOKEN_EXPIRED")
        if self.open:
            return
        given = _bytes(token)
        # All of them are compared, so that the time does not tell which one came close.
        if sum(hmac.compare_digest(given, known) for known in self._tokens):
            return
        if self._claims(token) is None:
            raise _unauthorized("the access token is missing, wrong or has expired", "UNAUTHORIZED")

    def expire(self, token: str) -> None:
        """From now on an access token from a login is as good as none; a token of the file stays good."""
        if self._claims(token) is not None:
            self._expired.add(token)

    def login(self, email: str, password: str, peer: str = "") -> dict[str, Any]:
        """Raises PlatformRefused: 401, which says the same of an unknown user and a wrong password; 429 for too many of them.

        `peer` is the address that asks.
        """
        self._attempts.check(peer)
        known = self._users.get(email.lower())
        # Of the same length whatever they are, and compared for a user who is not there too: time tells nothing either.
        given, right = (self._digest(word) for word in (_bytes(password), known or b""))
        if not hmac.compare_digest(given, right) or known is None:
            self._attempts.failed(peer)
            raise _unauthorized("the e-mail address or the password is wrong", "INVALID_PASSWORD")
        return self._session(email.lower()) | {"user": _user(email.lower())}

    def _digest(self, word: bytes) -> bytes:
        return hmac.new(self._key, word, hashlib.sha256).digest()

    def refresh(self, token: str) -> dict[str, Any]:
        """A new pair of tokens; the refresh token given is used up. Raises PlatformRefused (401)."""
        with self._turn:
            known = self._refresh.pop(_hash(token), None)
        if known is None:
            raise _unauthorized("the refresh token is unknown or used up", "INVALID_REFRESH_TOKEN")
        session = self._session(known.email)
        return session | {"token": session["accessToken"]}

    def logout(self, token: str) -> None:
        """Forget a refresh token; an unknown one is as good as forgotten."""
        with self._turn:
            self._refresh.pop(_hash(token), None)

    def refresh_tokens(self, token: str) -> list[dict[str, Any]]:
        """The live refresh tokens of whoever has this access token, without the tokens themselves."""
        email = self._email(token)
        with self._turn:
            return [{"id": one.id, "createdAt": one.created_at} for one in self._refresh.values() if one.email == email]

    def revoke(self, token: str, token_id: str) -> None:
        """Raises PlatformRefused (404) for an id that is not one of one's own refresh tokens."""
        email = self._email(token)
        with self._turn:
            for digest, one in self._refresh.items():
                if (one.id, one.email) == (token_id, email):
                    del self._refresh[digest]
                    return
        raise PlatformRefused("there is no such token", platform_code="NOT_FOUND", status=404)

    def profile(self, token: str) -> dict[str, Any]:
        """Who is asking, whole (platform-contract.md, section 3.1)."""
        return _user(self._email(token)) | {
            "lastName": "",
            "orgRoleDescription": "OWNER",
            "orgRoles": [_OWNER_ROLE],
            "isBusiness": False,
            "validated": True,
            "mfaRequired": False,
        }

    def _email(self, token: str) -> str:
        claims = self._claims(token)
        return str(claims["email"]) if claims else _NOBODY

    def _session(self, email: str) -> dict[str, Any]:
        now = self._wall()
        expires = now + self._access_seconds
        # A whole number, as everybody's, unless it is so short that the fraction matters.
        until = int(expires) if self._access_seconds >= _MINUTE else expires
        claims = {"sub": _user(email)["id"], "email": email, "iat": int(now), "exp": until, "jti": new_id()}
        refresh, token_id = secrets.token_urlsafe(32), new_id()
        with self._turn:
            self._refresh[_hash(refresh)] = _Refresh(token_id, email, timestamp())
        return {
            "success": True,
            "accessToken": self._signed(claims),
            "refreshToken": refresh,
            "tokenId": token_id,
            "expiresAt": int(expires * 1000),
        }

    def _signed(self, claims: Mapping[str, Any]) -> str:
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        return f"{_HEADER}.{payload}.{self._signature(payload)}"

    def _signature(self, payload: str) -> str:
        digest = hmac.new(self._key, _bytes(f"{_HEADER}.{payload}"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _claims(self, token: str) -> dict[str, Any] | None:
        """What a live access token of ours says; None for anything else."""
        header, _, rest = token.partition(".")
        payload, _, signature = rest.partition(".")
        if header != _HEADER or not hmac.compare_digest(_bytes(signature), _bytes(self._signature(payload))):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims if claims["exp"] > self._wall() else None


def _user(email: str) -> dict[str, Any]:
    digest = hashlib.sha256(_bytes(email)).hexdigest()
    user_id = f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    name = email.partition("@")[0]
    return {"id": user_id, "email": email, "name": name, "orgRole": _OWNER_ROLE}


def _bytes(text: str) -> bytes:
    """Any text as bytes: JSON can hold half of a character, and a comparison is no place to fail."""
    return text.encode("utf-8", "surrogatepass")


def _hash(token: str) -> str:
    return hashlib.sha256(_bytes(token)).hexdigest()


def _unauthorized(message: str, code: str) -> PlatformRefused:
    return PlatformRefused(message, platform_code=code, status=401)
