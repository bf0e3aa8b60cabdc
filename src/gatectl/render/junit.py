"""JUnit's XML: each file that was read is a test, which fails when the file has an error. Warnings are its output.

A test has one `failure` that holds all errors of its file, because most readers show the first one alone. There are no
times: the same findings give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from gatectl.documents.findings import Failure, Finding, Findings
from gatectl.documents.plans import Plan
from gatectl.quote import safe
from gatectl.render.guarded import notices
from gatectl.render.interface import Look, Renderer
from gatectl.render.listing import failure_words, listed, where, words

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_NOWHERE: Final = "(no file)"


def report(document: Findings | Plan, look: Look) -> str:
    files: dict[str, list[Finding]] = {name: [] for name in look.files.names}
    for item in (*notices(document, look.files.home), *listed(document)):
        files.setdefault(item["file"] if item["file"] is not None else _NOWHERE, []).append(item)
    failed = sum(any(item["severity"] == "error" for item in items) for items in files.values())
    lines = [_HEAD, f'<testsuites name="gatectl" tests="{len(files)}" failures="{failed}" errors="0">']
    for name, items in files.items():
        lines += _suite(name, items)
    return "\n".join([*lines, "</testsuites>"])


def _suite(name: str, items: Sequence[Finding]) -> list[str]:
    errors = [item for item in items if item["severity"] == "error"]
    warnings = [item for item in items if item["severity"] != "error"]
    shown = quoteattr(safe(name))
    lines = [f'  <testsuite name={shown} tests="1" failures="{1 if errors else 0}" errors="0" skipped="0">']
    if not items:
        return [*lines, f'    <testcase classname="gatectl" name={shown} file={shown}/>', "  </testsuite>"]
    lines.append(f'    <testcase classname="gatectl" name={shown} file={shown}>')
    if errors:
        first = errors[0]
        more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
        message = quoteattr(f"{first['rule']}: {safe(first['message'])}{more}")
        lines.append(f'      <failure type="{first["rule"]}" message={message}>{_body(errors)}</failure>')
    if warnings:
        lines.append(f"      <system-out>{_body(warnings)}</system-out>")
    return [*lines, "    </testcase>", "  </testsuite>"]


def _body(items: Sequence[Finding]) -> str:
    paragraphs = []
    for item in items:
        place = where(item)
        head, *more = words(item)
        first = f"{place + ': ' if place else ''}{item['severity']} {item['rule']}: {head}"
        paragraphs.append("\n".join([first, *(f"    {line}" for line in more)]))
    return escape("\n".join(paragraphs))


def failure(document: Failure, look: Look) -> str:
    """A command that failed otherwise: one test that could not be run."""
    lines = failure_words(document)
    code = quoteattr(safe(document["error"]["code"]))
    return "\n".join(
        [
            _HEAD,
            '<testsuites name="gatectl" tests="1" failures="0" errors="1">',
            '  <testsuite name="gatectl" tests="1" failures="0" errors="1" skipped="0">',
            '    <testcase classname="gatectl" name="gatectl">',
            f"      <error type={code} message={quoteattr(lines[0])}>{escape(chr(10).join(lines))}</error>",
            "    </testcase>",
            "  </testsuite>",
            "</testsuites>",
        ]
    )


RENDERER = Renderer(findings=report, plan=report, receipt=None, machine=True, failure=failure, checkout=True)
