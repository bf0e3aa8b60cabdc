"""Mutations: of trees of nodes (YAML and JSON), of bytes, and of SQLite databases. All chance comes from the generator handed in.

A tree is what JSON has, with two additions: a mapping is `Pairs`, whose keys may repeat and be anything, and `Raw` is text
that is written as it is, for what no value of Python stands for.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

MAX_OPERATIONS: Final = 4


class Raw(str):
    """Text that is written as it is."""


class Pairs(list[list[Any]]):
    """A mapping as a list of [key, value]."""


HUGE: Final[Sequence[Callable[[], Any]]] = (
    lambda: "a" * 2**20,
    lambda: "\u202e" * 10_000,
    lambda: Raw("[" * 5_000 + "]" * 5_000),
    lambda: Raw('{"a":' * 2_000 + "1" + "}" * 2_000),
    lambda: Raw("[" * 5_000),
    lambda: Raw("9" * 5_000),
    lambda: Raw("-" + "9" * 5_000 + ".5e99999"),
    lambda: ["x"] * 10_000,
    lambda: Pairs([str(i), i] for i in range(3_000)),
    lambda: "9" * 5_000,
)  # fmt: skip
"""What takes long; drawn seldom."""

WORDS: Final = (
    "", " ", "a", "default", "S3", "GCS", "AzureBlob", "LLM", "OpenAI", "Normal", "Mirror", "Exact", "Additive", "Repository",
    "Bucket", "Workspace", "create", "update", "delete", "attach", "name", "id", "1.0", "1.1", "2.0", "null", "true", "~", "0x10",
    "2024-01-01", "../../etc/passwd", "/", "-", "*", "é", "e\u0301", "ﬁ", "K", "\u212a", "ß", "İ", "🙂", "name\n", "a/b", "a b",
    "https://x.example", "http://[::1", "https://u:p@x.example/", "sha256:" + "0" * 64, "${X}", "%s", "{0}", "<script>", "|", "`",
)  # fmt: skip
HOSTILE: Final = (
    "\x00", "\x1b[31mred", "\x9b31m", "a\rb", "a\nb", "\n::error::no", "::set-output name=x::y", "##[error]no", "##vso[x]y",
    "\u202eabc", "\u2028", "\x85", "\ufeff", "\ud800", "\udc80\udc80", "\ud83d", "\uffff", "\x7f", "\u200b", "\U000e0101", "\t",
    "x" * 300, "x" * 256, "-" * 64, "]]>", "-->", "</script>", "a\u0300" * 50,
)  # fmt: skip
NUMBERS: Final = (
    0, 1, -1, 2, 255, 65536, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 0.5, -0.0, 1e308, Raw("1e999"), Raw("-1e999"),
    Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("-0"), Raw("1.0"), Raw("1E400"), Raw("1e-400"),
)  # fmt: skip
EDGES: Final = (2**31 - 1, 2**31, 2**53, 2**63 - 2, 2**63 - 1, 0, -1, -(2**31), -(2**63))
"""The numbers at the ends of what databases and computers take for one."""
YAML_ONLY: Final = tuple(map(Raw, (
    ".nan", ".inf", "-.inf", "0o17", "0x" + "f" * 4000, "1_000", "12:30:45", "2024-01-01T00:00:00Z", "yes", "no", "on", "!!str 1",
    "!!int x", "!!binary aGk=", "!!python/object/apply:os.system [true]", "!x y", "!", "!<tag:yaml.org,2002:map> {}", "!!set {a}",
    "&a b", "*a", "*b", "&a [*a]", "&a {<<: *a}", "[&b x, *b, *b]", "{<<: {a: 1}}", "{<<: [1]}", "{? [a]: b}", "{[a]: b}", "{a}",
    "'it''s'", '"\\ud800"', '"\\x00"', '"\\U0010ffff"', '"\\Uffffffff"', "|", ">-", "@x", "`x", "%x", "?", "- -", "a: b: c", "#",
)))  # fmt: skip


def tree(value: Any) -> Any:
    """A value of Python as a tree."""
    if isinstance(value, dict):
        return Pairs([key, tree(one)] for key, one in value.items())
    if isinstance(value, list):
        return [tree(one) for one in value]
    return value


def copy(node: Any) -> Any:
    if isinstance(node, Pairs):
        return Pairs([copy(key), copy(value)] for key, value in node)
    return [copy(one) for one in node] if isinstance(node, list) else node


def flow(node: Any) -> str:
    """A tree as JSON, as far as it can be."""
    if isinstance(node, Raw):
        return str(node)
    if isinstance(node, Pairs):
        return "{" + ",".join(f"{flow(key)}:{flow(value)}" for key, value in node) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(flow, node)) + "]"
    return json.dumps(node if isinstance(node, (str, int, float, bool, type(None))) else str(node))


def block(node: Any, indent: int = 0) -> str:
    """A tree as YAML in block style."""
    margin = "  " * indent
    if isinstance(node, Pairs) and node:
        return "".join(f"{margin}{_key(key)}:{_below(value, indent)}" for key, value in node)
    if isinstance(node, list) and not isinstance(node, Pairs) and node:
        return "".join(f"{margin}-{_below(value, indent)}" for value in node)
    return f"{margin}{_plain(node)}\n"


def _key(key: Any) -> str:
    return _plain(key) if not isinstance(key, list) else f"? {flow(key)}\n"


def _below(value: Any, indent: int) -> str:
    if isinstance(value, list) and value and indent < 50:
        return "\n" + block(value, indent + 1)
    return f" {_plain(value)}\n"


def _plain(node: Any) -> str:
    if isinstance(node, str) and not isinstance(node, Raw) and node.isascii() and node.isidentifier():
        return node
    return flow(node)


# --- trees -----------------------------------------------------------------------------------------------------------


def odd(rng: Random, *, yaml: bool = False) -> Any:
    """A value that nobody expects."""
    if rng.random() < 0.02:
        return rng.choice(HUGE)()
    pools: list[Sequence[Any]] = [WORDS, HOSTILE, HOSTILE, NUMBERS, (None, True, False), ([], Pairs(), [[]], [None])]
    if yaml:
        pools.append(YAML_ONLY)
    return copy(rng.choice(rng.choice(pools)))


def places(node: Any) -> Iterator[tuple[list[Any], int]]:
    """All (container, index) of a tree; the container is a pair or a list, and index 0 of a pair is its key."""
    for at, one in enumerate(node):
        yield node, at
        if isinstance(one, list):
            yield from places(one)


def _values(root: list[Any]) -> list[tuple[list[Any], int]]:
    """The places that hold a value, and not a pair as a whole."""
    return [(c, i) for c, i in places(root) if not isinstance(c, Pairs)]


def mutate_tree(rng: Random, root: Any, others: Sequence[Any], *, yaml: bool = False) -> Any:
    """A copy with one to four changes. `others` are trees to take parts from."""
    whole = [copy(root)]
    for _ in range(_few(rng)):
        rng.choice(_OPERATIONS)(rng, whole, others, yaml)
        if not whole:
            whole = [None]
    return whole[0]


def _few(rng: Random) -> int:
    count = 1
    while count < MAX_OPERATIONS and rng.random() < 0.4:
        count += 1
    return count


Operation = Callable[[Random, list[Any], Sequence[Any], bool], None]


def _replace(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    container, at = rng.choice(_values(whole))
    container[at] = odd(rng, yaml=yaml)


def _replace_scalar(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    found = [(c, i) for c, i in _values(whole) if not isinstance(c[i], list)]
    if found:
        container, at = rng.choice(found)
        container[at] = odd(rng, yaml=yaml)


def _retype(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    container, at = rng.choice(_values(whole))
    value = container[at]
    container[at] = rng.choice([[value], Pairs([["a", value]]), Raw(json.dumps(flow(value))), [value, copy(value)]])


def _text(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    """A prefix, a suffix or a middle of a text."""
    found = [(c, i) for c, i in _values(whole) if isinstance(c[i], str) and not isinstance(c[i], Raw)]
    if found:
        container, at = rng.choice(found)
        text, more = container[at], rng.choice(rng.choice((WORDS, HOSTILE)))
        cut = rng.randrange(len(text) + 1)
        container[at] = rng.choice(
            [
                text[:cut],
                text[cut:],
                more + text,
                text + more,
                text[:cut] + more + text[cut:],
                text.upper(),
                text + text,
            ]
        )


def _lists(whole: list[Any]) -> list[list[Any]]:
    return [c[i] for c, i in _values(whole) if isinstance(c[i], list) and c[i]]


def _delete(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    if found := _lists(whole):
        chosen = rng.choice(found)
        del chosen[rng.randrange(len(chosen))]


def _double(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    """An item, or a key with its value, is there twice."""
    if found := _lists(whole):
        chosen = rng.choice(found)
        chosen.insert(rng.randrange(len(chosen) + 1), copy_item(rng.choice(chosen)))


def copy_item(item: Any) -> Any:
    """A copy of an item of a list, or of a pair of a mapping."""
    return copy(item)


def _reorder(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    if found := _lists(whole):
        rng.shuffle(rng.choice(found))


def _rename(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    if found := [one for one in _lists(whole) if isinstance(one, Pairs)]:
        chosen, other = rng.choice(found), rng.choice(found)
        pair = rng.choice(chosen)
        pair[0] = rng.choice([odd(rng, yaml=yaml), copy(rng.choice(other)[0]), f"{pair[0]}x", "<<"])


def _add(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    if found := _lists(whole):
        chosen, value = rng.choice(found), odd(rng, yaml=yaml)
        chosen.append([odd(rng, yaml=yaml), value] if isinstance(chosen, Pairs) else value)


def _move(rng: Random, whole: list[Any], others: Sequence[Any], yaml: bool) -> None:
    """A part of this tree, or of another, stands elsewhere."""
    source = [rng.choice(others)] if others and rng.random() < 0.4 else whole
    (container, at), (its, there) = rng.choice(_values(whole)), rng.choice(_values(source))
    container[at] = copy(its[there])


_OPERATIONS: Final[Sequence[Operation]] = (
    _replace, _replace_scalar, _replace_scalar, _retype, _text, _text, _delete, _delete, _double, _reorder, _rename, _add, _move,
)  # fmt: skip


# --- bytes -----------------------------------------------------------------------------------------------------------

_TOKENS: Final = (
    b"\x00", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\r", b"\r\n", b"\t", b"\n---\n",
    b"\n...\n", b"%YAML 9.9\n---\n", b"%TAG ! x\n", b"{", b"}", b"[", b"]", b",", b":", b": ", b"- ", b"? ", b"&a ", b"*a ", b"!!str ",
    b"|\n", b">\n", b"'", b'"', b"\\", b"#", b"<<: ", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1b[2J", b"\n::error::x\n",
    b"9" * 5000, b" " * 70_000,
)  # fmt: skip


def mutate_bytes(rng: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """One to four changes that know nothing of what the bytes mean."""
    for _ in range(_few(rng)):
        at, to = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
        near = min(at + rng.randrange(1, 40), len(content))
        content = _bytes_changed(rng, content, others, at, to, near)
    return content


def _bytes_changed(rng: Random, content: bytes, others: Sequence[bytes], at: int, to: int, near: int) -> bytes:
    which = rng.randrange(10)
    if which == 0 and at < len(content):
        return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    if which == 1:
        return content[:at]
    if which == 2:
        return content[:at] + content[near:]
    if which == 3:
        return content[:at] + content[at:near] * rng.choice([2, 3, 100]) + content[near:]
    if which == 4:
        return content[:at] + rng.randbytes(rng.randrange(1, 9)) + content[at:]
    if which == 5 and others:
        other = rng.choice(others)
        return content[:at] + other[rng.randrange(len(other) + 1) :]
    if which == 6:
        return content[:at] + content[to:]
    if which == 7 and rng.random() < 0.3:
        return _encoded(rng, content)
    return content[:at] + rng.choice(_TOKENS) + content[at:]


def _encoded(rng: Random, content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    which = rng.choice(("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "utf-7", "crlf", "cr"))
    if which in ("crlf", "cr"):
        return content.replace(b"\n", b"\r\n" if which == "crlf" else b"\r")
    return text.encode(which, "replace")


# --- databases -------------------------------------------------------------------------------------------------------


def mutate_database(rng: Random, content: bytes) -> bytes:
    """A SQLite file whose pages, whose rows or whose schema were changed."""
    if rng.random() < 0.4:
        return _pages(rng, content)
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(content)
        connection.execute("PRAGMA foreign_keys=OFF")
        for _ in range(_few(rng)):
            # IndexError: an earlier mutation left nothing to choose from.
            with contextlib.suppress(sqlite3.Error, OverflowError, UnicodeError, IndexError):
                rng.choice((_rows, _rows, _rows, _schema, _schema, _text_of_schema))(rng, connection)
        with contextlib.suppress(sqlite3.Error):
            return connection.serialize()
    return content


def _pages(rng: Random, content: bytes) -> bytes:
    size = 4096
    pages = [content[at : at + size] for at in range(0, len(content), size)]
    for _ in range(_few(rng)):
        at, other = rng.randrange(len(pages)), rng.randrange(len(pages))
        which = rng.randrange(6)
        if which == 0:
            pages[at] = mutate_bytes(rng, pages[at], pages)
        elif which == 1:
            pages[at], pages[other] = pages[other], pages[at]
        elif which == 2:
            pages[at] = rng.choice([b"\0" * size, rng.randbytes(size), b""])
        elif which == 3:
            return b"".join(pages)[: rng.randrange(len(content))]
        else:
            spot = rng.randrange(100 if rng.random() < 0.5 else size)
            page = pages[at]
            pages[at] = page[:spot] + bytes([rng.randrange(256)]) + page[spot + 1 :]
    return b"".join(pages)


def _tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]


def _cell(rng: Random) -> Any:
    value = odd(rng)
    if isinstance(value, (list, bool)):
        return rng.choice([b"", b"\xff\x00", float("inf"), 2**63 - 1, -1, json.dumps([1]), "{", "[" * 2000, "null"])
    return str(value) if isinstance(value, Raw) else value


def _rows(rng: Random, connection: sqlite3.Connection) -> None:
    table = rng.choice(_tables(connection))
    column = rng.choice(_columns(connection, table))
    some = rng.choice(["", f" WHERE rowid % 2 = {rng.randrange(2)}", " WHERE rowid = 1"])
    which = rng.randrange(7)
    if which == 6:
        _number(rng, connection)
    elif which == 0:
        connection.execute(f'DELETE FROM "{table}"{some}')
    elif which == 1:
        connection.execute(f'UPDATE OR REPLACE "{table}" SET "{column}" = CAST(x\'ff00fe\' AS TEXT){some}')
    elif which == 2:
        other = rng.choice(_columns(connection, table))
        connection.execute(f'UPDATE OR REPLACE "{table}" SET "{column}" = "{other}"{some}')
    elif which == 3:
        values = ", ".join("?" if name == column else f'"{name}"' for name in _columns(connection, table))
        connection.execute(f'INSERT OR REPLACE INTO "{table}" SELECT {values} FROM "{table}"', [_cell(rng)])
    else:
        connection.execute(f'UPDATE OR REPLACE "{table}" SET "{column}" = ?{some}', [_cell(rng)])


def _number(rng: Random, connection: sqlite3.Connection) -> None:
    """A number is one that cannot be counted on from, or just about can; every row has it, so that some command will."""
    asked = "SELECT x.name FROM pragma_table_info(?) AS x WHERE x.type LIKE '%INT%'"
    numbers = [(table, name) for table in _tables(connection) for (name,) in connection.execute(asked, [table])]
    table, column = rng.choice(numbers)
    connection.execute(f'UPDATE OR REPLACE "{table}" SET "{column}" = ?', [rng.choice(EDGES)])


def _schema(rng: Random, connection: sqlite3.Connection) -> None:
    table = rng.choice(_tables(connection))
    columns = _columns(connection, table)
    column, bare = rng.choice(columns), ", ".join(f'"{name}" BLOB' for name in columns)
    statement = rng.choice([
        f'DROP TABLE "{table}"',
        f'ALTER TABLE "{table}" DROP COLUMN "{column}"',
        f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "{column}x"',
        f'ALTER TABLE "{table}" RENAME TO "{table}x"',
        f'ALTER TABLE "{table}" ADD COLUMN more BLOB',
        f'ALTER TABLE "{table}" RENAME TO aside; CREATE VIEW "{table}" AS SELECT * FROM aside',
        f'ALTER TABLE "{table}" RENAME TO aside; CREATE TABLE "{table}" AS SELECT * FROM aside; DROP TABLE aside',
        f'DROP TABLE "{table}"; CREATE TABLE "{table}" ({bare})',
        f'CREATE TRIGGER t AFTER INSERT ON "{table}" BEGIN DELETE FROM "{table}"; END',
        f"CREATE TRIGGER t BEFORE UPDATE ON \"{table}\" BEGIN SELECT RAISE(ABORT, '\x1b[31m\n::error::no'); END",
        f'CREATE UNIQUE INDEX more ON "{table}" (1)',
        "CREATE VIRTUAL TABLE more USING fts5(x)",
        f"PRAGMA user_version = {rng.randrange(-(2**31), 2**31)}",
        f"PRAGMA application_id = {rng.randrange(2**31)}",
        f'INSERT INTO "{table}" DEFAULT VALUES',
    ])  # fmt: skip
    connection.executescript(statement)


def _text_of_schema(rng: Random, connection: sqlite3.Connection) -> None:
    """The text of the schema itself is other."""
    name, sql = rng.choice(
        list(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"))
    )
    words = sql.split(" ")
    at = rng.randrange(len(words))
    words[at] = rng.choice(
        [*WORDS[:12], "NOT NULL", "TEXT", "BLOB", "INTEGER", "GENERATED ALWAYS AS (1)", "CHECK (0)", "("]
    )
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", [" ".join(words), name])
