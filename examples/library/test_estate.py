"""What this estate promises, as tests of its own: they run where the manifests are reviewed, and need no network."""

from pathlib import Path

import pytest

import gatectl

ESTATE = Path(__file__).parent / "estate"
MADE_UP = {"ORDERS_KEY": "AKIAIOSFODNN7EXAMPLE", "ORDERS_SECRET": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


def test_it_is_valid_in_every_environment(estate):
    for environment in ("default", "prod"):
        assert list(estate(ESTATE, environment=environment).validate()) == []


def test_it_applies_to_an_empty_platform_and_then_there_is_nothing_to_do(estate, platform):
    opened = estate(ESTATE, platform=platform)
    assert opened.apply(secrets=MADE_UP).converged
    assert not opened.plan().changes


def test_every_repository_says_whose_it_is(estate, platform):
    plan = estate(ESTATE, platform=platform).plan(selector="team=checkout")
    repositories = {op["name"] for op in plan.operations if op["kind"] == "Repository"}
    assert repositories == {"orders", "receipts"}


def test_an_apply_that_loses_answers_ends_with_a_true_receipt_and_can_be_repeated(estate, served):
    server = served({"route": "POST /bucket", "kind": "drop", "times": 1})
    opened = estate(ESTATE, platform=server.url, workspace="default", token=server.token)
    first = opened.apply(secrets=MADE_UP)
    again = first if first.converged else opened.apply(secrets=MADE_UP)
    assert again.converged
    assert not opened.plan().changes


def test_the_guardrails_of_production_hold(estate, platform):
    opened = estate(ESTATE, platform=platform)
    opened.apply(secrets=MADE_UP)
    manifests = {path.name: path.read_text() for path in ESTATE.glob("manifests/*.yaml")}
    emptied = manifests["repositories.yaml"].replace("- {type: S3, bucket: acme-receipts, folder: receipts}", "[]")
    project = "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: checkout-estate}\nspec:\n" \
              "  uid: 5c0b9b52-4f0a-4c2e-9d7e-2f6f0a8f1c11\n" \
              "  environments:\n    default: {platform: embedded, guardrails: {maxDetaches: 0}}\n"
    changed = estate({**manifests, "repositories.yaml": emptied, "gatectl.yaml": project}, platform=platform)
    with pytest.raises(gatectl.GatectlError) as refused:
        changed.apply(secrets=MADE_UP)
    assert refused.value.exit_code == 5
