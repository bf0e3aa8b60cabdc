"""What was asked while a plan was made, for people: a line for each kind of request. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.documents.proofs import Proof, Sent
from gatectl.quote import quote
from gatectl.render.listing import plural
from gatectl.render.rows import aligned


def headline(proof: Proof) -> str:
    """How much was asked, and whether any of it could have changed something."""
    total = proof["reads"] + proof["sessions"] + proof["writes"]
    if not total:
        return "Proof: neither the platform nor the records were asked for anything."
    parts = [f"{plural(proof['reads'], 'read')}"]
    parts += [f"{proof['sessions']:,} to sign in, begin or end"] if proof["sessions"] else []
    verdict = f"{plural(proof['writes'], 'WRITE')}" if proof["writes"] else "no write"
    return f"Proof: {plural(total, 'request')} sent: {', '.join([*parts, verdict])}."


def proof_lines(proof: Proof) -> Iterator[str]:
    """The headline, and what was sent, the most telling columns first."""
    yield headline(proof)
    for line in aligned([_row(each) for each in proof["requests"]]):
        yield f"    {line}".rstrip()


def _row(each: Sent) -> tuple[str, str, str, str, str]:
    return f"{each['count']:,}", quote(each["whom"]), quote(each["effect"]), quote(each["method"]), quote(each["path"])
