"""Documents as files hold them: JSON, read strictly, and `.json.gz`, packed when written and unpacked when read. Pure."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

LARGEST: Final = 1024**3
"""The largest plan or receipt, in bytes, unpacked."""

_MAGIC: Final = b"\x1f\x8b"


def packed(name: str, data: bytes) -> bytes:
    """What a file of this name holds for these bytes. The same bytes are always packed the same."""
    return gzip.compress(data, mtime=0) if name.lower().endswith(".json.gz") else data


def gzipped(data: bytes, level: int) -> bytes:
    """The bytes packed, as a store of records holds them. `level`: how hard, from 1 to 9."""
    packing = zlib.compressobj(level, wbits=31)
    return packing.compress(data) + packing.flush()


def unpacked(data: bytes, limit: int = LARGEST) -> bytes:
    """The bytes of a document, whether it was packed or not. Raises ValueError for what is no document, or a larger one.

    Nothing beyond the limit is unpacked: a small file may hold a great deal of nothing.
    """
    if not data.startswith(_MAGIC):
        return data
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError("it is damaged") from error
    if len(found) > limit:
        raise ValueError(f"it holds more than {limit // 1024**2:,} MiB")
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("it is damaged")
    return found


def read_json(data: bytes) -> Any:
    """The value of a JSON document, strictly: what is read can be written again as JSON. Raises ValueError for anything else,
    NaN, Infinity, numbers that are too large and nesting that is too deep included."""
    try:
        return json.loads(data, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


Fields = Mapping[str, type | tuple[type, ...]]
"""The fields that a mapping has to have, and the types that each may be of."""


def with_fields(value: object, fields: Fields, otherwise: str, where: str = "") -> Mapping[str, object]:
    """A value of JSON that is a mapping with these fields. Raises ValueError: `otherwise` for what is no mapping, else which field
    is not as it should be, `where` it lies before its name."""
    if not isinstance(value, dict):
        raise ValueError(otherwise)
    for field, kind in fields.items():
        if not isinstance(value.get(field, ...), kind):
            raise ValueError(f"its {where}{field} is missing or of a wrong type")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _no_number(text: str) -> float:
    raise ValueError("NaN and Infinity are not JSON")
