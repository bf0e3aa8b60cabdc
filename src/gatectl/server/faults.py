"""The file of `gatectl serve --faults`: what goes wrong in a rehearsal, where, how often.

YAML or JSON; its schema is `schemas/faults.schema.json`:

    seed: 7
    accessTokenSeconds: 60          # how long an access token from a login lives (default: 3600)
    rules:
      - {route: "POST /repo", probability: 0.2, kind: drop-after}
      - {route: "GET *", probability: 0.5, kind: latency, seconds: 0.3}
      - {route: "* /bucket*", kind: throttle, seconds: 2, skip: 3, times: 1}

`route` is `METHOD /path`, where `*` stands for anything, also for several parts of a path. A rule fires with its
`probability` (default 1) on each request that it matches, but not on the first `skip` of those, and at most `times` times.
Rules are looked at in order; the kinds of the second table, and `latency`, add to whatever else happens, of the others the
first that fires counts.

| kind | what happens |
| --- | --- |
| `latency` | the request waits for `seconds` (1), then goes on |
| `throttle` | 429 with `Retry-After: seconds` (1; whole ones); nothing is done |
| `throttle-without-retry-after` | 429; nothing is done |
| `quota` | 429 as the platform's quota: POST /bucket with {success, bucketId} and no message, elsewhere QUOTA_EXCEEDED |
| `server-error` | `status` (500) with the family's error body and `code`; nothing is done |
| `drop-before` | the connection is closed before anything is done |
| `drop-after` | everything is done (and committed), then the connection is closed without an answer |
| `truncate` | everything is done, then the body breaks off half way and the connection is closed |
| `not-json` | everything is done, then an HTML page is answered, with `status` (that of the answer) |
| `refuse` | 200 with success=false and `code`; nothing is done |
| `slow-body` | everything is done, then the body trickles for `seconds` (1) |
| `expire-token` | 401; the access token, if it is from a login, is expired from now on; nothing is done |
| `withheld` | `status` (403) and nothing is done; with 200 it is success=true without the list, or whatever was asked for |
| `success-with-error` | 200 with success=true beside `code` (QUOTA_EXCEEDED) and without an id; nothing is done |

And how the platform may be, where its types leave that open. These let the request be executed, and add to whatever else happens:

| kind | what happens |
| --- | --- |
| `filled-defaults` | GET shows a region, an endpoint and a master where none was given |
| `soft-deleted` | lists hold a deleted twin, with deletedAt, of each object |
| `unknown-fields` | objects and attachments have fields that nobody knows: texts, numbers, counters |
| `unknown-lists` | repositories attach something that nobody knows |
| `more` | half of each list, in an envelope that says that there is more |
| `lag` | lists are as they were `seconds` (1) ago |
| `optional-ids` | attachments have no id of their own beside the expanded object |
| `replacing-put` | PUT /bucket drops key, endpoint, region and apiKeyUuid where they are not sent |
| `disabled` | every repository is disabled, and so are all of the organization |
| `read-role` | who asks has the role READ in every workspace, and anything but GET is 403 |
| `legacy-units` | repositories list units, with unitId, and no buckets |
| `lower-case` | storageType, mode, aiType, accessType, role, status and provider are read in lower case, and taken so too |
| `no-scheme` | endpoints are read without https:// |

The same seed and the same sequence of requests give the same faults: every rule draws from a source of its own, once for
each request that it matches.

Law: this file decides; `interference` does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from gatectl.errors import InputError
from gatectl.manifests.parse import parse
from gatectl.manifests.places import locate
from gatectl.manifests.sources import read_file, read_schema
from gatectl.manifests.validate import API_VERSION, check, make_checker
from gatectl.quote import quote
from gatectl.server.sessions import HOUR

Kind = Literal[
    "latency",
    "throttle",
    "throttle-without-retry-after",
    "quota",
    "server-error",
    "drop-before",
    "drop-after",
    "truncate",
    "not-json",
    "refuse",
    "slow-body",
    "expire-token",
    "filled-defaults",
    "soft-deleted",
    "unknown-fields",
    "unknown-lists",
    "more",
    "lag",
    "optional-ids",
    "replacing-put",
    "withheld",
    "success-with-error",
    "disabled",
    "read-role",
    "legacy-units",
    "lower-case",
    "no-scheme",
]

ADDED: Final = frozenset[Kind](
    {
        "latency", "filled-defaults", "soft-deleted", "unknown-fields", "unknown-lists", "more", "lag", "optional-ids",
        "replacing-put", "disabled", "read-role", "legacy-units", "lower-case", "no-scheme",
    }
)  # fmt: skip
"""The kinds that add to whatever else happens: how a platform is, rather than what goes wrong."""


class Rule(NamedTuple):
    """One kind of trouble, and where and how often it comes."""

    route: re.Pattern[str]
    kind: Kind
    probability: float = 1.0
    seconds: float = 1.0
    status: int | None = None
    code: str = ""
    skip: int = 0
    times: int | None = None


class Faults:
    """The rules, and how far each has got."""

    def __init__(self, rules: Sequence[Rule], seed: int = 0, access_seconds: float = HOUR) -> None:
        self.access_seconds = access_seconds
        self._rules = rules
        self._draws = [random.Random(f"{seed}/{index}") for index in range(len(rules))]  # noqa: S311 - no secret
        self._matched = [0] * len(rules)
        self._fired = [0] * len(rules)

    def strike(self, method: str, path: str) -> list[Rule]:
        """What happens to this request: rules whose kind adds to others, then at most one other."""
        request = f"{method} {path}"
        fired = [rule for index, rule in enumerate(self._rules) if self._fires(index, rule, request)]
        others = [rule for rule in fired if rule.kind not in ADDED]
        return [rule for rule in fired if rule.kind in ADDED] + others[:1]

    @property
    def longest_lag(self) -> float | None:
        """How many seconds lists may lag at most; None where none does."""
        return max((rule.seconds for rule in self._rules if rule.kind == "lag"), default=None)

    def _fires(self, index: int, rule: Rule, request: str) -> bool:
        if rule.route.fullmatch(request) is None:
            return False
        self._matched[index] += 1
        drawn = self._draws[index].random() < rule.probability
        exhausted = rule.times is not None and self._fired[index] >= rule.times
        if not drawn or exhausted or self._matched[index] <= rule.skip:
            return False
        self._fired[index] += 1
        return True


def read_faults(path: Path) -> Faults:
    """Raises InputError, which says what is wrong and where, when the file is not one of faults."""
    parsed = parse(read_file(path))
    findings = list(parsed.findings)
    if not findings and len(parsed.documents) != 1:
        raise InputError(f"{quote(path)}: a file of faults holds one document, not {len(parsed.documents)}")
    checker = make_checker({"Faults": read_schema("faults")})
    for document in parsed.documents:
        if type(document.data) is dict:
            # A file of faults is no manifest and need not say what it is; the words for what is wrong are the same.
            document = document._replace(data={"apiVersion": API_VERSION, "kind": "Faults", **document.data})
        findings += check(document, checker)[1]
    if findings:
        first = locate(findings)[0]
        where = f"{quote(first.place.file)}:{first.place.line}:{first.place.column}: " if first.place else ""
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise InputError(f"{where}{first.message}{more}", first.hint)
    return make_faults(parsed.documents[0].data)


def make_faults(data: Mapping[str, Any]) -> Faults:
    """The faults of a document that fits its schema."""
    rules = [_rule(one) for one in data.get("rules", ())]
    return Faults(rules, data.get("seed", 0), float(data.get("accessTokenSeconds", HOUR)))


def _rule(data: Mapping[str, Any]) -> Rule:
    return Rule(**{**data, "route": _pattern(data["route"])})


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in route.split("*")), re.DOTALL)
