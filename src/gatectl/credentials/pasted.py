"""What a secret can look like: cleaned of what a shell, an editor or a browser adds, and refused where it surely is none. Pure.

A secret that is wrong fails late: after objects were made with it, or when an application first uses them. What can be seen is
seen before the first write (product.md, section 7). Only what is impossible is refused: services that are compatible with S3
take keys of any shape, so there a space or a line break is all that can be told. No message ever holds a part of a value.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Final

_MARK: Final = "\ufeff"
_UNICODE: Final = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""What a file begins with that was not written as UTF-8: PowerShell's ">" writes UTF-16."""

_QUOTES: Final = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "„": "“", "«": "»", "”": "”", "’": "’"}
_CURLY: Final = "“”„‟‘’‚‛«»"
_UNFILLED: Final = re.compile(r"\$\{[^{}]*\}|\$\([^()]*\)|\{\{.*\}\}|\*+|\[MASKED\]|\(redacted\)", re.IGNORECASE)
"""What stands where a secret was to be filled in, or was hidden in a log."""
_KEEPS_LINES: Final = ("{", "-----BEGIN ")
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n(.+)\n-----END \1-----", re.DOTALL)


class Unusable(Exception):
    """Why a text cannot be the secret: what it is, in words that follow the name of where it comes from, and what to do."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def decoded(content: bytes) -> str:
    """The text of a file that holds a secret: UTF-8, or what its byte order mark says. Raises Unusable."""
    encoding = next((name for mark, name in _UNICODE.items() if content.startswith(mark)), "utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise Unusable("is not UTF-8 text", "it should hold the secret and nothing else") from None


def stripped(text: str) -> str:
    """A secret without a byte order mark and without the space around it, the end of its line included."""
    while (less := text.strip().strip(_MARK)) != text:
        text = less
    return text


def usable(text: str, provider: str | None = None, field: str = "secret") -> str:
    """A secret as it is to be sent. `provider` is the type of a bucket or the provider of an LLM (None: not known, or
    neither), `field` which of its credentials it is ("key" or "secret"). Raises Unusable."""
    text = stripped(text)
    if not text:
        raise Unusable("is empty", "give it the secret")
    if _quoted(text):
        raise Unusable("has quotes around its value, which would be part of the secret", "take the quotes away")
    if _UNFILLED.fullmatch(text):
        raise Unusable("holds a placeholder, not a secret", "was it ever filled in? Give it the secret itself")
    if any(ord(character) < 0x20 and character not in "\t\r\n" for character in text):
        raise Unusable("holds control characters", "it should hold the secret and nothing else")
    check = _SHAPES.get(provider or "")
    return check(text, field) if check is not None else text


def _quoted(text: str) -> bool:
    return text[0] in _CURLY or text[-1] in _CURLY or (len(text) > 1 and _QUOTES.get(text[0]) == text[-1])


def _word(text: str, field: str) -> str:
    """One word: what is signed with, or sent in a header."""
    if text.lower().startswith("bearer "):
        raise Unusable("begins with 'Bearer'", "leave that word out")
    if len(text.split()) > 1:
        raise Unusable("has spaces or line breaks inside its value", "it should hold the secret and nothing else")
    return text


def _s3(text: str, field: str) -> str:
    if _is_connection(text):
        raise Unusable("holds a connection string of Azure, and this is S3", "give it the key of the S3 service")
    return _word(text, field)


def token(text: str) -> str:
    """A token as it can stand in a header: printable ASCII without a space. Raises Unusable."""
    text = _word(usable(text), "token")
    if not text.isascii() or not text.isprintable():
        raise Unusable("holds characters that no token has", "copy it again")
    return text


def _azure(text: str, field: str) -> str:
    if field != "secret":
        return text
    if _is_connection(text):
        raise Unusable("holds a connection string, not a key", "give it what stands behind AccountKey= alone")
    if "sig=" in text and "sv=" in text:
        raise Unusable("holds a shared access signature, not a key", "give it the key of the storage account")
    try:
        b64decode(_word(text, field), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("is not Base64, as every key of Azure is", "is it cut off? Copy the key again") from None
    return text


def _is_connection(text: str) -> bool:
    return "AccountKey=" in text or "DefaultEndpointsProtocol=" in text or "SharedAccessSignature=" in text


def _google(text: str, field: str) -> str:
    """A private key, a whole service account, or the two words of an HMAC key."""
    if text.startswith("{"):
        return _account(text)
    if text.startswith("-----BEGIN "):
        return _private_key(text)
    return _word(text, field)


def _account(text: str) -> str:
    """A service account as JSON; where line breaks were made of the two characters, or the other way round, they are put right."""
    for attempt in (text, text.replace("\\r", "").replace("\\n", "\n")):
        try:
            value = json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return _whole(value, text)
    raise Unusable(
        "begins like JSON and is not", "is it cut off? Take the file of the service account as it was downloaded"
    )


def _whole(value: dict[str, object], text: str) -> str:
    """The JSON itself where nothing has to be put right in it."""
    key = value.get("private_key")
    if not isinstance(key, str):
        return text if _is_strict(text) else json.dumps(value)
    mended = _private_key(key.strip())
    end = "\n" if key.endswith(("\n", "\\n")) else ""
    return text if _is_strict(text) and mended + end == key else json.dumps(value | {"private_key": mended + end})


def _is_strict(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _private_key(text: str) -> str:
    """A PEM; "\\n" in two characters, as JSON and .env files write it, becomes the line break that it stands for."""
    text = text.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n").strip()
    found = _PEM.fullmatch(text)
    if found is None:
        raise Unusable(
            "is not a whole private key: lines are missing, or their breaks are", "copy the key with its line breaks"
        )
    try:
        b64decode("".join(line for line in found[2].split("\n") if ":" not in line), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("is a private key with characters that none has", "copy the key again") from None
    return text


def _llm(text: str, field: str) -> str:
    text = _word(text, field)
    if not text.isascii():
        raise Unusable("holds characters that no API key has", "copy the key again")
    return text


def _google_llm(text: str, field: str) -> str:
    return _google(text, field) if text.startswith(_KEEPS_LINES) else _llm(text, field)


_SHAPES: Final[Mapping[str, Callable[[str, str], str]]] = {
    "S3": _s3,
    "GCS": _google,
    "AzureBlob": _azure,
    "OpenAI": _llm,
    "Anthropic": _llm,
    "AWS": _llm,
    "Google": _google_llm,
}
"""Providers whose secrets have a shape. A new one is one function and one line."""
