"""`gatectl serve`: the embedded platform over HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import click

from gatectl.cli.options import Globals, command, load_project
from gatectl.errors import DONE, InputError, UsageError
from gatectl.network.addresses import is_loopback
from gatectl.platforms.interface import Connection
from gatectl.quote import quote

_NEEDED = ("starlette", "uvicorn")


@command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; beyond loopback only with tokens."
)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--database", metavar="URL", help="sqlite:///path or postgresql://… (default: the project's own).")
@click.option("--token-file", metavar="FILE", help="Bearer tokens that are let in, one a line.")
@click.option("--users", "users_file", metavar="FILE", help="Who may log in: JSON, {e-mail: password}.")
@click.option(
    "--faults", "faults_file", metavar="FILE", help="What goes wrong, for a rehearsal (schemas/faults.schema.json)."
)
def COMMAND(  # noqa: N802 - the table's word
    options: Globals,
    host: str,
    port: int,
    database: str | None,
    token_file: str | None,
    users_file: str | None,
    faults_file: str | None,
) -> int:
    """Serve the embedded platform over HTTP, speaking the platform's API.

    For rehearsals, and for a team behind a proxy of its own. It is not made to face the internet: it speaks plain HTTP and
    no TLS, has no roles (whoever is let in may do everything), keeps passwords as they are in its file, and counts failed logins
    by address, in memory. Without a token file anybody on this machine may use it; /openapi.json describes it. Ctrl-C ends it.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"serving needs {' and '.join(missing)}", "install gatectl with its extra 'server'")
    from gatectl.platforms.embedded import open_platform
    from gatectl.server.faults import read_faults
    from gatectl.server.listening import Address, Log, listen
    from gatectl.server.sessions import HOUR, Sessions

    if token_file is None and not is_loopback(host):
        raise UsageError(f"{quote(host)} can be reached from other machines", "say who is let in: --token-file FILE")
    tokens = _read_tokens(token_file) if token_file is not None else []
    users = _read_users(users_file) if users_file is not None else {}
    faults = read_faults(Path(faults_file)) if faults_file is not None else None
    sessions = Sessions(tokens, users, faults.access_seconds if faults is not None else HOUR)
    console = options.console()
    platform = open_platform(_connection(options, database)._replace(tell=console.info))
    try:
        listen(
            Address(host, port),
            platform,
            sessions,
            faults,
            Log(console.info, lambda text: console.error("serve", text, None)),
        )
    finally:
        platform.close()
    return DONE


def _connection(options: Globals, database: str | None) -> Connection:
    if database is None or database == "embedded":
        return Connection("embedded", load_project(options).folder)
    if not database.startswith(("sqlite:///", "postgresql://")):
        raise UsageError("the database is not one of those that can be served", "sqlite:///path or postgresql://…")
    return Connection(database, Path.cwd(), named=True)


def _read_tokens(path: str) -> list[str]:
    tokens = [line.strip() for line in _read(path).splitlines() if line.strip()]
    if not tokens:
        raise InputError(f"{quote(path)} holds no token", "one token a line")
    if not all(token.isascii() and token.isprintable() and " " not in token for token in tokens):
        raise InputError(
            f"{quote(path)} holds a token with characters that no header can carry", "letters, digits and '-._~+/='"
        )
    return tokens


def _read_users(path: str) -> Mapping[str, str]:
    try:
        users = json.loads(_read(path))
    except (ValueError, RecursionError):
        raise InputError(f"{quote(path)} is not JSON", '{"somebody@example.com": "password"}') from None
    if (
        not isinstance(users, dict)
        or not users
        or not all(isinstance(value, str) and value for value in users.values())
    ):
        raise InputError(f"{quote(path)} does not hold users", '{"somebody@example.com": "password"}')
    if not all(_is_text(word) for word in (*users, *users.values())):
        raise InputError(
            f"{quote(path)} holds a user with half of a character (a lone surrogate)", "nobody can send one"
        )
    return users


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(path: str) -> str:
    try:
        return Path(os.path.abspath(path)).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{quote(path)} is not UTF-8") from None
