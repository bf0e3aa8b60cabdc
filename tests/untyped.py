"""A plugin of mypy that tells each key that is read from a mapping of which nobody knows what it holds.

A read is a subscript, a `get` or a `pop` with a text that is written out; a mapping is untyped where its values are `Any` or
`object`, whatever it is called (`Mapping[str, Any]`, `dict[str, object]`, `Wire`, `Spec`). There a misspelt key is found by a
user, and not by mypy. What is `Any` as a whole has no keys that could be told apart, and is not told.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.errorcodes import ErrorCode
from mypy.nodes import Expression, StrExpr
from mypy.options import Options
from mypy.plugin import MethodContext, Plugin
from mypy.types import AnyType, Instance, Type, UnionType, get_proper_type

CODE = ErrorCode("untyped-key", "A key is read from a mapping of which nobody knows what it holds", "General")
_READS = {f"{name}.{method}" for name in ("typing.Mapping", "typing.MutableMapping", "builtins.dict")
          for method in ("__getitem__", "get", "pop")}  # fmt: skip


class Untyped(Plugin):
    def __init__(self, options: Options) -> None:
        super().__init__(options)

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return _tell if fullname in _READS else None


def _tell(asked: MethodContext) -> Type:
    key: Expression | None = asked.args[0][0] if asked.args and asked.args[0] else None
    read = get_proper_type(asked.type)
    if isinstance(key, StrExpr) and isinstance(read, Instance) and len(read.args) == 2 and _is_anything(read.args[1]):
        asked.api.fail(f"'{key.value}' is read in column {key.column} from {read}", asked.context, code=CODE)
    return asked.default_return_type


def _is_anything(value: Type) -> bool:
    proper = get_proper_type(value)
    if isinstance(proper, UnionType):
        return any(map(_is_anything, proper.items))
    return isinstance(proper, AnyType) or (isinstance(proper, Instance) and proper.type.fullname == "builtins.object")


def plugin(version: str) -> type[Plugin]:
    """What mypy asks for."""
    return Untyped
