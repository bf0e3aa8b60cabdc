"""SARIF 2.1.0, for code scanning: the findings, and the whole table of rules with their explanations.

Places are relative to the top of the checkout (`%SRCROOT%`); a file outside it has an absolute URI. The fingerprints hold
no line, so that a finding stays the same one when lines move.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from gatectl.documents.findings import Finding, Findings, RelatedPlace
from gatectl.documents.plans import Plan
from gatectl.quote import json_text, safe
from gatectl.render.guarded import notices, sarif_rules
from gatectl.render.interface import Files, Look, Renderer
from gatectl.render.json import dump
from gatectl.render.listing import fingerprints, listed, partial_words, words
from gatectl.rules.interface import Rule
from gatectl.version import __version__

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
INFORMATION: Final = "https://gatectl.io/"
_ROOT: Final = "%SRCROOT%"
_LEVELS: Final = {"notice": "note"}
_REGION: Final = ("startLine", "startColumn", "endLine", "endColumn")
_ARTICLES: Final = ("A", "An", "The")


def report(document: Findings | Plan, look: Look) -> str:
    told = notices(document, look.files.home)
    items = [*told, *listed(document)]
    indexes = {rule.id: index for index, rule in enumerate(look.rules)}
    driver = {
        "name": "gatectl",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": INFORMATION,
        "rules": [*(_rule(rule) for rule in look.rules), *sarif_rules(told)],
    }
    run: dict[str, Any] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints"}
    if look.files.root is not None:
        run["originalUriBaseIds"] = {_ROOT: {"uri": _folder_uri(look.files.root)}}
    run["results"] = [
        _result(item, fingerprint, indexes, look.files)
        for item, fingerprint in zip(items, fingerprints(items), strict=True)
    ]
    if (partial := partial_words(document)) is not None:
        run["properties"] = {"partial": partial}
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": _name(rule.title),
        "shortDescription": {"text": f"{_plain(rule.title)}."},
        "fullDescription": {"text": _plain(rule.text)},
        "help": {"text": _help(rule), "markdown": _help_markdown(rule)},
        "defaultConfiguration": {"level": rule.severity},
    }


def _notes(rule: Rule) -> str:
    if not rule.adjustable:
        return ""
    return f"The project file may change its severity: `rules: {{{rule.id}: error | warning | off}}`."


def _examples(rule: Rule) -> list[tuple[str, str]]:
    return [(word, example) for word, example in (("Wrong", rule.bad), ("Right", rule.good)) if example]


def _help(rule: Rule) -> str:
    parts = [_plain(rule.text), _plain(_notes(rule))]
    parts += [f"{word}:\n\n{example.rstrip()}" for word, example in _examples(rule)]
    return "\n\n".join(part for part in parts if part)


def _help_markdown(rule: Rule) -> str:
    parts = [rule.text, _notes(rule)]
    parts += [f"{word}:\n\n```yaml\n{example.rstrip()}\n```" for word, example in _examples(rule)]
    return "\n\n".join(part for part in parts if part)


def _plain(text: str) -> str:
    return text.replace("`", "")


def _name(title: str) -> str:
    """A rule's title as one word: AFileCannotBeRead without its article."""
    parts = re.findall(r"[A-Za-z0-9]+", title)
    parts = parts[1:] if parts[0] in _ARTICLES else parts
    return "".join(part[0].upper() + part[1:] for part in parts)


def _result(item: Finding, fingerprint: str, indexes: Mapping[str, int], files: Files) -> dict[str, Any]:
    result: dict[str, Any] = {"ruleId": item["rule"]}
    if item["rule"] in indexes:
        result["ruleIndex"] = indexes[item["rule"]]
    result["level"] = _LEVELS.get(item["severity"], item["severity"])
    result["message"] = {"text": _message(words(item, related=False))}
    location = _location(item, files) | _logical(item)
    if location:
        result["locations"] = [location]
    related = [
        {"id": number, **_location(other, files), "message": {"text": _message([safe(other["message"])])}}
        for number, other in enumerate(item["related"], 1)
    ]
    if related:
        result["relatedLocations"] = related
    result["partialFingerprints"] = {"gatectlFinding/v1": fingerprint}
    return result


def _message(lines: Sequence[str]) -> str:
    """Words without an embedded link, whatever names are in them: "[text](target)" would be one."""
    return "\n".join(lines).replace("](", "\\](")


def _location(item: Finding | RelatedPlace, files: Files) -> dict[str, Any]:
    if item["file"] is None:
        return {}
    physical: dict[str, Any] = {"artifactLocation": _artifact(item["file"], files)}
    if item["line"] is not None:
        ends = (item["endLine"], item["endColumn"]) if "endLine" in item else (None, None)
        numbers = zip(_REGION, (item["line"], item["column"], *ends), strict=True)
        physical["region"] = {name: number for name, number in numbers if number is not None}
    return {"physicalLocation": physical}


def _artifact(name: str, files: Files) -> dict[str, Any]:
    outside = name.startswith(("/", "../")) or name == ".."
    if outside and files.root is not None:
        return {"uri": "file://" + _quoted(posixpath.normpath(posixpath.join(files.root, name)))}
    return {"uri": _quoted(name), "uriBaseId": _ROOT}


def _folder_uri(path: str) -> str:
    return f"file://{_quoted('/' + path.strip('/'))}/".replace("file:////", "file:///")


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "replace"), safe="/")


def _logical(item: Finding) -> dict[str, Any]:
    manifest = item["manifest"]
    if manifest is None or manifest["name"] is None:
        return {}
    full = "/".join(safe(part) for part in manifest.values() if part is not None)
    return {"logicalLocations": [{"name": safe(manifest["name"]), "fullyQualifiedName": full, "kind": "object"}]}


RENDERER = Renderer(findings=report, plan=report, receipt=None, machine=True, failure=dump, checkout=True)
