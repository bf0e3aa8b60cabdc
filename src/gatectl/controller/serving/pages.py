"""Pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from gatectl.controller.acts import Desk
from gatectl.controller.serving.asking import Asked, Reply, nowhere
from gatectl.controller.serving.entering import Caller

STATIC: Final = "/static/"


class View(NamedTuple):
    form: str
    now: float
    woken: Callable[[], None]


def answer(desk: Desk, asked: Asked, caller: Caller, view: View) -> Reply:
    return nowhere()


def static_file(asked: Asked) -> Reply:
    return nowhere()


def shut(words: str) -> Reply:
    return nowhere()


def login(form: str, after: str, trouble: str | None, status: int) -> Reply:
    return nowhere()
