"""GitLab's Code Quality report: one JSON list of findings, shown in merge requests.

An error is `major`, a warning `minor`: `blocker` and `critical` would say more than a rule can know. GitLab wants a place
for each; a finding without one is put at the first line of the project file.
"""

from __future__ import annotations

import hashlib
from typing import Final

from gatectl.documents.findings import Findings
from gatectl.documents.plans import Plan
from gatectl.quote import json_text
from gatectl.render.guarded import notices
from gatectl.render.interface import Look, Renderer
from gatectl.render.json import dump
from gatectl.render.listing import fingerprints, listed, partial_words, words

_SEVERITIES: Final = {"error": "major", "warning": "minor", "notice": "info"}


def report(document: Findings | Plan, look: Look) -> str:
    items = [*notices(document, look.files.home), *listed(document)]
    issues = [
        {
            "description": "\n".join(words(item)),
            "check_name": item["rule"],
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[item["severity"]],
            "location": {"path": item["file"] or look.files.home, "lines": {"begin": item["line"] or 1}},
        }
        for item, fingerprint in zip(items, fingerprints(items), strict=True)
    ]
    if (partial := partial_words(document)) is not None:
        issues.append(
            {
                "description": partial,
                "check_name": "partial-plan",
                "fingerprint": hashlib.sha256(partial.encode()).hexdigest(),
                "severity": "info",
                "location": {"path": look.files.home, "lines": {"begin": 1}},
            }
        )
    return json_text(issues)


RENDERER = Renderer(findings=report, plan=report, receipt=None, machine=True, failure=dump, checkout=True)
