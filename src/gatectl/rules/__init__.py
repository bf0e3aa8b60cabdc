"""The rules, as a table, and the one place that runs them.

A new rule is one file beside this one and one line here. Rules that a step of the flow finds by itself (reading, shape,
live) are described in one file for each step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gatectl.model import Finding
from gatectl.resources import CONTAINERS
from gatectl.rules import (
    gw205_names,
    gw301_bucket_name,
    gw302_account_name,
    gw303_attached_twice,
    gw304_declared_twice,
    gw305_container_name,
    gw306_container_and_bucket,
    gw307_two_providers,
    gw401_family,
    gw402_master,
    gw403_mirror_bucket,
    gw404_folder,
    live,
    reading,
    shape,
)
from gatectl.rules.interface import Namespace, RepositoryView, Rule

RULES: Final[Mapping[str, Rule]] = {
    rule.id: rule
    for rule in sorted(
        (
            *reading.RULES,
            *shape.RULES,
            gw205_names.RULE,
            gw301_bucket_name.RULE,
            gw302_account_name.RULE,
            gw303_attached_twice.RULE,
            gw304_declared_twice.RULE,
            gw305_container_name.RULE,
            gw306_container_and_bucket.RULE,
            gw307_two_providers.RULE,
            gw401_family.RULE,
            gw402_master.RULE,
            gw403_mirror_bucket.RULE,
            gw404_folder.RULE,
            *live.RULES,
        ),
        key=lambda rule: rule.id,
    )
}


def check(namespace: Namespace) -> list[Finding]:
    """What the namespace breaks: all findings of all rules."""
    findings = check_each(namespace.repositories)
    findings.extend(check_across(namespace))
    return findings


def check_each(views: Iterable[RepositoryView]) -> list[Finding]:
    """What the repositories break, each by itself."""
    each = [rule.each for rule in RULES.values() if rule.each is not None]
    plain = [rule.each for rule in RULES.values() if rule.each is not None and not rule.names]
    findings: list[Finding] = []
    for view in views:
        for look in plain if _calm(view) else each:
            findings.extend(look(view))
    return findings


def check_across(namespace: Namespace) -> list[Finding]:
    """What repositories and manifests break beside each other."""
    found = [rule.across for rule in RULES.values() if rule.across is not None]
    return [finding for across in found for finding in across(namespace)]


def _calm(view: RepositoryView) -> bool:
    """Whether no two names of a repository are equal; then no rule about names can find anything. Nearly all are calm."""
    if len(view.entries) < 2:
        return True
    names: set[str] = set()
    count = 0
    accounts: set[str] = set()
    for entry in view.entries:
        key = entry.key
        if key[0] in CONTAINERS:
            accounts.add(key[1])
        names.add(key[-1])
        count += 1
    return len(names) == count and names.isdisjoint(accounts)


def adjust(findings: Iterable[Finding], settings: Mapping[str, str]) -> list[Finding]:
    """The findings of `check` with the severities that the project file asks for (product.md, section 1: `rules`).

    Only these: GW205 is also the rule of the format's own patterns and lengths, which `validate` finds and no setting
    touches.
    """
    adjusted = []
    for finding in findings:
        setting = settings.get(finding.rule)
        if setting is None:
            adjusted.append(finding)
        elif setting != "off":
            adjusted.append(finding._replace(severity="error" if setting == "error" else "warning"))
    return adjusted
