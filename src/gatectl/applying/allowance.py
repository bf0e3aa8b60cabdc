"""What an operator allows this once, though a guardrail speaks against it, and why (`--allow`, `--reason`). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from gatectl.errors import UsageError

if TYPE_CHECKING:
    from gatectl.documents.limits import LimitName
    from gatectl.documents.receipts import Override

COUNTED: Final[dict[str, LimitName]] = {"deletes": "maxDeletes", "detaches": "maxDetaches", "changes": "maxChanges"}
"""The words of what is allowed up to a number, and the limit that each lifts."""

WORDS: Final = ("project", "window", "older")
"""The words of what is allowed or not."""

_FORM: Final = re.compile(rf"({'|'.join(WORDS)})|({'|'.join(COUNTED)})=([0-9]{{1,9}})", re.ASCII)
KNOWN: Final = ", ".join((*(f"{word}=N" for word in COUNTED), *WORDS[:-1])) + f" or {WORDS[-1]}"


class Allowance(NamedTuple):
    """What the operator allows this once, and why: words, and up to how many of what is counted."""

    words: frozenset[str] = frozenset()
    counted: tuple[tuple[str, int], ...] = ()
    reason: str | None = None

    @property
    def project(self) -> bool:
        """Whether the project file may have been changed in what decides about an apply."""
        return "project" in self.words

    def up_to(self, word: str) -> int:
        """How many are allowed of what is counted by this word."""
        return max((number for said, number in self.counted if said == word), default=0)

    def overrides(self) -> list[Override]:
        """For the receipt; the value is how many."""
        said: list[tuple[str, str | None]] = [(word, None) for word in WORDS if word in self.words]
        said += [(word, str(self.up_to(word))) for word in COUNTED if word in dict(self.counted)]
        return [{"name": name, "value": value, "reason": self.reason} for name, value in said]


NOTHING: Final = Allowance()


def parse_allowance(texts: Sequence[str], reason: str | None) -> Allowance:
    """What `--allow` (each a word, or what is counted with a number) and `--reason` say. Raises UsageError."""
    words: set[str] = set()
    counted: list[tuple[str, int]] = []
    for text in texts:
        found = _FORM.fullmatch(text)
        if found is None:
            raise UsageError("--allow does not know that", f"write one of {KNOWN}")
        if found[1]:
            words.add(found[1])
        else:
            counted.append((found[2], int(found[3])))
    if texts and not (reason and reason.strip()):
        raise UsageError("--allow wants a reason", 'write --reason "…"; the receipt keeps it')
    if reason is not None and not texts:
        raise UsageError("--reason is for --allow, and nothing is allowed", f"say what: {KNOWN}")
    return Allowance(frozenset(words), tuple(counted), reason)
