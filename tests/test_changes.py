"""What a plan says of manifests and a platform: changes, and why not (GW201, GW405, GW501 to GW505)."""

from __future__ import annotations

from typing import Any

import pytest

from gatectl.errors import UsageError
from sites import (
    CREDENTIALS,
    Counting,
    Site,
    assert_empty,
    brief,
    bucket,
    entry,
    llm,
    manifest,
    operation,
    repository,
    rules,
    shown,
    workspace,
)  # fmt: skip

LOGS, DATA = ("S3", "logs"), ("S3", "data")
AZURE = ("AzureBlob", "acct", "logs")


def only(site: Site, **asked: Any) -> str:
    """The one error of the plan."""
    (found,) = rules(site.plan(**asked))
    return found


def hint(site: Site) -> str:
    return next(d["hint"] for d in site.plan()["diagnostics"] if d["severity"] == "error")


# What is to be done.


def test_what_is_declared_and_not_live_is_created_with_every_field(site: Site) -> None:
    site.manifests(bucket("logs", LOGS, region="eu-west-1"), repository("r", [entry(*LOGS, folder="a")]))
    plan = site.plan()
    assert brief(plan) == ["create bucket/default/logs", "create repository/default/r"]
    created, attached = plan["operations"]
    assert created["fields"] == [
        {"path": "/metadata/name", "before": None, "after": "logs"},
        {"path": "/spec/bucket", "before": None, "after": "logs"},
        {"path": "/spec/credentials", "before": None, "after": CREDENTIALS},
        {"path": "/spec/region", "before": None, "after": "eu-west-1"},
        {"path": "/spec/type", "before": None, "after": "S3"},
    ]
    assert created["pre"] == {"exists": False, "hash": None}
    assert attached["attach"] == [
        {"type": "S3", "bucket": "logs", "label": "logs", "id": None, "folder": "a", "master": None}
    ]
    assert attached["dependsOn"] == ["bucket/default/logs"]
    assert plan["summary"] | {"unmanaged": 0} == {
        "create": 2, "update": 0, "delete": 0, "adopt": 0, "unchanged": 0, "attach": 1, "detach": 0, "unmanaged": 0,
    }  # fmt: skip


def test_what_is_as_declared_is_unchanged(site: Site) -> None:
    site.live_repository("r", {"bucketId": site.live_bucket("logs", LOGS), "folder": "/a/"})
    site.manifests(bucket("logs", LOGS), repository("r", [entry(*LOGS, folder="a")]))
    plan = site.plan()
    assert_empty(plan)
    assert plan["summary"]["unchanged"] == 2


def test_what_the_manifest_leaves_out_is_kept(site: Site) -> None:
    logs = site.live_bucket("logs", LOGS, region="eu-west-1", endpoint="https://minio.example.com")
    site.live_repository("m", {"bucketId": logs, "folder": "a", "master": True}, mode="MIRROR")
    site.manifests(bucket("logs", LOGS, None), repository("m", endpoint="S3", mode="Mirror"))
    assert_empty(site.plan())


def test_region_endpoint_and_all_fields_of_an_llm_change_in_place(site: Site) -> None:
    site.live_bucket("logs", LOGS, region="eu-west-1")
    site.live_llm("gpt", endpoint="https://a.example.com")
    site.manifests(
        bucket("logs", LOGS, None, region="", endpoint="https://minio.example.com"),
        llm("gpt", "Other", None, endpoint="https://b.example.com"),
    )
    plan = site.plan()
    assert brief(plan) == ["update bucket/default/logs", "update llm/default/gpt"]
    assert operation(plan, "bucket/default/logs")["fields"] == [
        {"path": "/spec/endpoint", "before": "", "after": "https://minio.example.com"},
        {"path": "/spec/region", "before": "eu-west-1", "after": ""},
    ]
    assert site.apply(plan).converged
    assert site.one("bucket", "logs")["region"] is None
    assert (site.one("ai/llm", "gpt")["aiType"], site.one("ai/llm", "gpt")["endpoint"]) == (
        "OTHER",
        "https://b.example.com",
    )


def test_additive_attaches_and_keeps(site: Site) -> None:
    site.live_repository("r", site.live_bucket("logs", LOGS))
    site.live_bucket("data", DATA)
    site.manifests(repository("r", [entry(*DATA)]))
    (op,) = site.plan()["operations"]
    assert (shown(op["attach"]), shown(op["detach"]), shown(op["keep"])) == (["S3/data"], [], ["S3/logs"])
    assert op["risk"] == "none"


def test_exact_detaches_what_is_not_listed_and_keeps_other_families(site: Site) -> None:
    logs, data, gpt = site.live_bucket("logs", LOGS), site.live_bucket("data", DATA), site.live_llm("gpt")
    site.live_repository("r", logs, data, llms=[gpt])
    site.manifests(repository("r", [entry(*DATA)], policy="Exact"))
    (op,) = site.plan()["operations"]
    assert (shown(op["attach"]), shown(op["detach"]), shown(op["keep"])) == ([], ["S3/logs"], ["LLM/gpt"])
    assert op["risk"] == "destructive"


@pytest.mark.parametrize(("policy", "detached"), [("Exact", ["S3/logs"]), ("Additive", [])])
def test_an_empty_list_detaches_only_where_the_policy_is_exact(site: Site, policy: str, detached: list[str]) -> None:
    site.live_repository("r", site.live_bucket("logs", LOGS))
    site.manifests(repository("r", [], policy=policy))
    assert [d for op in site.plan()["operations"] for d in shown(op["detach"])] == detached


def test_without_a_list_attachments_are_not_managed_even_where_the_policy_is_exact(site: Site) -> None:
    site.live_repository("r", site.live_bucket("logs", LOGS))
    site.manifests(repository("r", policy="Exact"))
    plan = site.plan()
    assert_empty(plan)
    assert [(k["name"], shown(k["attachments"])) for k in plan["kept"]] == [("r", ["S3/logs"])]


def test_an_attachment_to_a_repository_with_keys_widens_them(site: Site) -> None:
    """Keys cover whatever their repository attaches (platform-contract.md, 2.6)."""
    site.live_key(site.live_repository("keyed"))
    site.live_repository("plain")
    site.live_bucket("logs", LOGS)
    site.manifests(repository("keyed", [entry(*LOGS)]), repository("plain", [entry(*LOGS, folder="a")]))
    assert [op["risk"] for op in site.plan()["operations"]] == ["widens", "none"]


def test_live_objects_that_no_manifest_declares_are_unmanaged(site: Site) -> None:
    site.live_workspace("lab")
    site.live_bucket("elsewhere", LOGS, "lab")
    site.live_repository("other", site.live_bucket("logs", LOGS))
    site.manifests(repository("r"))
    plan = site.plan()
    assert [(u["kind"], u["name"]) for u in plan["unmanaged"]] == [("Bucket", "logs"), ("Repository", "other")]
    assert plan["summary"]["unmanaged"] == 2


def test_a_live_object_that_was_never_applied_here_is_adopted_and_then_ours(site: Site) -> None:
    site.live_bucket("logs", LOGS)
    site.live_repository("r")
    site.manifests(bucket("logs", LOGS), repository("r", [entry(*LOGS)]))
    plan = site.plan()
    assert [a["name"] for a in plan["adopts"]] == ["logs"]
    assert operation(plan, "repository/default/r")["reason"].startswith("adopts")
    assert site.apply(plan).converged
    after = site.plan()
    assert (after["operations"], after["adopts"]) == ([], [])


def test_renewed_credentials_are_sent_again_and_nothing_else(site: Site) -> None:
    site.live_bucket("logs", LOGS)
    site.manifests(bucket("logs", LOGS), bucket("data", DATA), llm("gpt"))
    site.apply()
    (op,) = site.plan(renew=("Bucket/logs",))["operations"]
    assert op["fields"] == [{"path": "/spec/credentials", "before": None, "after": CREDENTIALS}]
    assert op["pre"]["hash"] == op["post"]["hash"]
    before = site.one("bucket", "logs")["etag"]
    assert site.apply(renew=("Bucket/logs",)).statuses == {"bucket/default/logs": "done"}
    assert site.one("bucket", "logs")["etag"] != before
    assert_empty(site.plan())


def test_renewing_needs_credentials(site: Site) -> None:
    site.live_bucket("logs", LOGS)
    site.manifests(bucket("logs", LOGS, None))
    assert only(site, renew=("Bucket/logs",)).startswith("GW201")


def test_only_buckets_and_llms_have_credentials_to_renew(site: Site) -> None:
    site.manifests(repository("r"))
    with pytest.raises(UsageError):
        site.plan(renew=("Repository/r",))


# Which object a manifest means.


def test_a_live_name_that_differs_in_case_only_is_ambiguous_and_metadata_id_chooses(site: Site) -> None:
    live = site.live_repository("Prod")
    site.manifests(repository("prod"))
    assert only(site).startswith("GW502") and live in only(site)
    site.manifests(repository("prod", id=live))
    (op,) = site.plan()["operations"]
    assert (op["action"], op["fields"]) == ("update", [{"path": "/metadata/name", "before": "Prod", "after": "prod"}])
    assert site.apply().converged
    assert site.names("repo") == ["prod"]
    assert_empty(site.plan())


def test_an_exact_name_is_enough_where_another_differs_in_case_only(site: Site) -> None:
    site.live_repository("Prod")
    site.live_repository("prod")
    site.manifests(repository("prod"))
    assert rules(site.plan()) == []


def test_of_several_live_objects_of_one_name_metadata_id_chooses(site: Site) -> None:
    one, other = site.live_bucket("logs", LOGS), site.live_bucket("logs", DATA)
    site.manifests(bucket("logs", DATA))
    assert only(site).startswith("GW502") and one in only(site) and other in only(site)
    site.manifests(bucket("logs", DATA, metadata={"id": other}))
    assert_empty(site.plan())


def test_metadata_id_of_nothing_and_of_another_name_is_gw502(site: Site) -> None:
    live = site.live_repository("a")
    site.manifests(repository("a", id="nowhere"))
    assert only(site).startswith("GW502: no live Repository has the id")
    site.manifests(repository("b", id=live))
    assert only(site).startswith("GW502")


def test_a_name_that_another_live_object_has_cannot_be_taken_over(site: Site) -> None:
    live, other = site.live_repository("Prod"), site.live_repository("prod")
    site.manifests(repository("prod", id=live))
    assert only(site).startswith("GW502") and other in only(site)


def test_a_repository_renamed_in_case_only_does_not_collide_with_itself(site: Site) -> None:
    live = site.live_repository("Prod", site.live_bucket("logs", LOGS))
    site.manifests(repository("prod", [entry(*LOGS)], id=live))
    assert brief(site.plan()) == ["update repository/default/prod"]


def test_a_bucket_renamed_in_case_only_takes_its_attachments_along(site: Site) -> None:
    """Entries name resources as they will be called; the repositories themselves need no change."""
    logs = site.live_bucket("Logs", LOGS)
    site.live_bucket("data", DATA)
    site.live_repository("r", logs)
    site.live_repository("s", {"bucketId": logs, "folder": "a"})
    site.manifests(
        bucket("logs", LOGS, metadata={"id": logs}),
        repository("r", [entry(*LOGS, label="logs")]),
        repository("s", [entry(*LOGS, label="logs", folder="a"), entry(*DATA)]),
    )
    plan = site.plan()
    assert brief(plan) == ["update bucket/default/logs", "update repository/default/s"]
    assert site.apply(plan).converged
    assert_empty(site.plan())


def test_an_llm_renamed_in_case_only_takes_its_attachments_along(site: Site) -> None:
    gpt = site.live_llm("GPT")
    site.live_repository("r", llms=[gpt], storageType="OPENAI")
    site.live_repository("s", storageType="OPENAI")
    site.manifests(
        llm("gpt", metadata={"id": gpt}),
        llm("claude"),
        repository("r", [entry("LLM", "gpt"), entry("LLM", "claude")], "OpenAI"),
        repository("s", [entry("LLM", "gpt")], "OpenAI", policy="Exact"),
    )
    assert site.apply().converged
    assert site.attached("r") == {("gpt", "", False), ("claude", "", False)}
    assert_empty(site.plan())


def test_a_workspace_renamed_in_case_only_keeps_what_it_holds(site: Site) -> None:
    lab = site.live_workspace("Lab")
    site.live_repository("r", site.live_bucket("logs", LOGS, "Lab"), where="Lab")
    site.manifests(
        workspace("lab", id=lab),
        bucket("logs", LOGS, metadata={"workspace": "lab"}, region="eu-west-1"),
        repository("r", [entry(*LOGS)], workspace="lab"),
        repository("s", [entry(*LOGS, folder="a")], workspace="lab"),
    )
    plan = site.plan(targets=("Repository/s",))
    assert brief(plan) == ["update workspace/lab", "create repository/lab/s"]
    assert site.apply(targets=("Repository/s",)).converged
    assert site.names("workspace") == ["default", "lab"]
    assert brief(site.plan()) == ["update bucket/lab/logs"]
    assert site.apply().converged
    assert_empty(site.plan())


# Workspaces.


def test_a_workspace_that_is_neither_live_nor_declared_is_gw503(site: Site) -> None:
    site.live_workspace("analytics")
    site.manifests(repository("r", workspace="analitics"))
    assert only(site).startswith("GW503")
    assert "analytics" in hint(site)


def test_a_declared_workspace_is_created_before_what_it_holds(site: Site) -> None:
    site.manifests(
        workspace("lab"),
        bucket("logs", LOGS, metadata={"workspace": "lab"}),
        repository("r", [entry(*LOGS)], workspace="lab"),
    )
    plan = site.plan()
    assert brief(plan) == ["create workspace/lab", "create bucket/lab/logs", "create repository/lab/r"]
    assert operation(plan, "repository/lab/r")["dependsOn"] == ["bucket/lab/logs", "workspace/lab"]
    assert site.apply(plan).converged


def test_an_object_does_not_move_to_another_workspace(site: Site) -> None:
    site.live_workspace("lab")
    live = site.live_repository("r", where="lab")
    site.manifests(repository("r", id=live), repository("other", workspace="lab"))
    assert only(site).startswith("GW505") and "lab" in only(site)


# Which resource an entry means.


def test_a_resource_that_is_nowhere_is_gw501_with_a_suggestion(site: Site) -> None:
    site.live_bucket("raw", ("S3", "raw-events"))
    site.manifests(repository("r", [entry("S3", "raw-event")]))
    assert only(site).startswith("GW501")
    assert "did you mean 'raw-events'?" in hint(site)
    site.manifests(repository("r", [entry("GCS", "raw-events")]))
    assert "did you mean 'type: S3'?" in hint(site)


def test_a_label_or_id_that_no_candidate_has_is_gw501(site: Site) -> None:
    site.live_bucket("raw", LOGS)
    for field in ("label", "id"):
        site.manifests(repository("r", [entry(*LOGS, **{field: "other"})]))
        assert only(site).startswith("GW501") and "'raw'" in hint(site)


def test_an_id_and_a_label_that_contradict_each_other_are_gw501_at_the_id(site: Site) -> None:
    one, two = site.live_bucket("l1", LOGS), site.live_bucket("l2", LOGS)
    site.manifests(repository("r", [entry(*LOGS, id=two, label="l1")]))
    assert only(site) == f"GW501: S3 bucket 'logs': id '{two}' is labelled 'l2', not 'l1'"
    (found,) = site.plan()["diagnostics"]
    assert found["path"] == "/spec/resources/0/id"
    assert f"'l1' {one}" in found["hint"]
    site.manifests(repository("r", [entry(*LOGS, id="other", label="l1")]))
    assert only(site) == "GW501: no registered S3 bucket 'logs' has the id 'other'"
    site.manifests(repository("r", [entry(*LOGS, id=one, label="l1")]))
    assert rules(site.plan()) == []


def test_a_resource_of_another_workspace_is_not_meant(site: Site) -> None:
    site.live_workspace("lab")
    site.live_bucket("logs", LOGS, "lab")
    site.manifests(repository("r", [entry(*LOGS)]), repository("s", workspace="lab"))
    assert only(site).startswith("GW501")


def test_several_candidates_are_gw502_and_label_and_id_choose(site: Site) -> None:
    one, other = site.live_bucket("aws", LOGS), site.live_bucket("minio", LOGS)
    site.manifests(repository("r", [entry(*LOGS)]))
    assert only(site).startswith("GW502") and one in only(site) and other in only(site)
    for field, value in (("label", "minio"), ("id", other)):
        site.manifests(repository("r", [entry(*LOGS, **{field: value})]))
        (op,) = site.plan()["operations"]
        assert [a["id"] for a in op["attach"]] == [other]


def test_the_candidate_that_is_attached_already_is_preferred(site: Site) -> None:
    site.live_bucket("aws", LOGS)
    site.live_repository("r", site.live_bucket("minio", LOGS))
    site.manifests(repository("r", [entry(*LOGS)]))
    assert_empty(site.plan())


def test_names_of_storage_are_compared_with_case_ignored(site: Site) -> None:
    site.live_repository("r", site.live_bucket("azure", ("AzureBlob", "Acct", "LOGS")))
    site.manifests(bucket("azure", AZURE), repository("r", [entry(*AZURE)]))
    assert_empty(site.plan())


def test_packets_are_refused_where_there_are_none(site: Site) -> None:
    site.manifests(repository("r", [{"type": "Packet", "name": "p"}]))
    assert only(site).startswith("GW405")


# Buckets of one identity.


def test_an_identity_that_is_live_under_another_label_is_gw502_unless_allowed(site: Site) -> None:
    live = site.live_bucket("old", LOGS)
    site.manifests(bucket("new", LOGS))
    assert only(site).startswith("GW502") and live in only(site)
    site.manifests(bucket("new", LOGS, allowDuplicate=True))
    assert brief(site.plan()) == ["create bucket/default/new"]


@pytest.mark.parametrize("order", ["abc", "bac", "bca"])
def test_of_several_declared_with_one_identity_all_but_one_must_allow_it(site: Site, order: str) -> None:
    documents = {"a": bucket("a", LOGS, allowDuplicate=True), "b": bucket("b", LOGS), "c": bucket("c", LOGS)}
    site.manifests(*(documents[name] for name in order))
    assert only(site).startswith("GW502")
    site.manifests(*(documents[name] for name in order if name != "c"))
    assert site.plan()["summary"]["create"] == 2


def test_a_duplicate_that_was_allowed_does_not_hinder_the_other_afterwards(site: Site) -> None:
    site.manifests(bucket("a", LOGS, allowDuplicate=True))
    site.apply()
    site.manifests(bucket("a", LOGS, allowDuplicate=True), bucket("b", LOGS))
    assert brief(site.plan()) == ["create bucket/default/b"]


# Credentials.


def test_credentials_may_be_left_out_only_for_what_is_live(site: Site) -> None:
    site.live_bucket("logs", LOGS)
    site.manifests(bucket("logs", LOGS, None), llm("gpt", credentials=None))
    assert only(site).startswith("GW201")
    assert [d["manifest"]["name"] for d in site.plan()["diagnostics"]] == ["gpt"]


def test_a_provider_api_key_is_named_by_id_or_description(site: Site) -> None:
    key = site.live_api_key("the AWS key")
    site.manifests(
        bucket("logs", LOGS, {"apiKey": "the AWS key"}),
        bucket("azure", AZURE, {"apiKey": key}),
        llm("gpt", credentials={"apiKey": key}),
    )
    assert site.apply().converged
    assert {wire["apiKeyId"] for wire in (*site.list("bucket"), *site.list("ai/llm"))} == {key}
    assert_empty(site.plan())


def test_a_provider_api_key_that_is_unknown_or_ambiguous_is_a_finding(site: Site) -> None:
    site.manifests(bucket("logs", LOGS, {"apiKey": "the AWS key"}))
    assert only(site).startswith("GW501")
    one, other = site.live_api_key("the AWS key"), site.live_api_key("the AWS key")
    assert only(site).startswith("GW502") and one in only(site) and other in only(site)


def test_credentials_change_from_an_api_key_to_a_secret_only_when_renewed(site: Site) -> None:
    site.manifests(bucket("logs", LOGS, {"apiKey": site.live_api_key()}))
    site.apply()
    site.manifests(bucket("logs", LOGS))
    assert_empty(site.plan())
    assert site.apply(renew=("Bucket/logs",)).converged
    assert site.one("bucket", "logs")["apiKeyId"] is None


# What cannot be changed in place.


def test_endpoint_type_and_mode_of_a_repository_are_fixed(site: Site) -> None:
    site.live_repository("r", site.live_bucket("logs", LOGS))
    site.manifests(repository("r", endpoint="GCS"))
    assert only(site).startswith("GW505") and "S3" in hint(site)
    site.manifests(repository("r", [entry(*LOGS, master=True)], mode="Mirror"))
    assert "GW505" in {rule[:5] for rule in rules(site.plan())}


def test_the_folder_of_an_attachment_is_fixed(site: Site) -> None:
    site.live_repository("r", {"bucketId": site.live_bucket("logs", LOGS), "folder": "a"})
    site.manifests(repository("r", [entry(*LOGS, folder="b")]))
    assert only(site).startswith("GW505")
    site.manifests(repository("r", [entry(*LOGS, folder="/a/")]))
    assert_empty(site.plan())


def test_the_remote_identity_of_a_bucket_is_fixed(site: Site) -> None:
    site.live_bucket("logs", LOGS)
    site.live_bucket("azure", AZURE)
    site.manifests(bucket("logs", DATA), bucket("azure", ("AzureBlob", "acct2", "logs")))
    assert [rule[:5] for rule in rules(site.plan())] == ["GW505", "GW505"]
    site.manifests(bucket("logs", ("GCS", "logs")))
    assert only(site).startswith("GW505")


def test_two_repositories_hand_over_a_folder_the_one_that_lets_go_first(site: Site) -> None:
    logs = site.live_bucket("logs", LOGS)
    site.live_repository("a-holder", logs)
    site.live_repository("b-taker")
    site.manifests(repository("b-taker", [entry(*LOGS)], policy="Exact"), repository("a-holder", [], policy="Exact"))
    plan = site.plan()
    assert operation(plan, "repository/default/b-taker")["dependsOn"] == ["repository/default/a-holder"]
    assert site.apply(plan).converged
    site.manifests(repository("a-holder", [entry(*LOGS)], policy="Exact"), repository("b-taker", [], policy="Exact"))
    assert brief(site.plan()) == ["update repository/default/b-taker", "update repository/default/a-holder"]
    assert site.apply().converged


def test_another_folder_of_a_bucket_needs_no_order(site: Site) -> None:
    logs = site.live_bucket("logs", LOGS)
    site.live_repository("a", {"bucketId": logs, "folder": "a"})
    site.manifests(repository("a", [], policy="Exact"), repository("b", [entry(*LOGS, folder="b")]))
    assert operation(site.plan(), "repository/default/b")["dependsOn"] == []


def test_an_exchange_in_a_circle_is_gw505(site: Site) -> None:
    site.live_repository("a", site.live_bucket("logs", LOGS))
    site.live_repository("b", site.live_bucket("data", DATA))
    site.manifests(repository("a", [entry(*DATA)], policy="Exact"), repository("b", [entry(*LOGS)], policy="Exact"))
    assert only(site).startswith("GW505") and "circle" in only(site)


# The final state of the workspace.


def test_an_attachment_that_is_kept_counts_in_the_final_state(site: Site) -> None:
    site.live_repository("r", site.live_bucket("gcs", ("GCS", "logs")))
    site.live_bucket("logs", LOGS)
    site.manifests(repository("r", [entry(*LOGS)]))
    assert only(site).startswith("GW504") and "GW301" in only(site)
    site.manifests(repository("r", [entry(*LOGS)], policy="Exact"))
    assert rules(site.plan()) == []


def test_a_repository_that_nobody_declares_counts_in_the_final_state(site: Site) -> None:
    logs = site.live_bucket("logs", LOGS)
    site.live_repository("unmanaged", {"bucketId": logs, "folder": "a"})
    site.manifests(repository("r", [entry(*LOGS, folder="a")]))
    assert only(site).startswith("GW504") and "unmanaged" in only(site)
    site.manifests(repository("r", [entry(*LOGS, master=True)], mode="Mirror"))
    assert only(site).startswith("GW504") and "GW403" in only(site)


def test_a_collision_that_was_there_before_is_no_reason_to_refuse_what_leaves_it_alone(site: Site) -> None:
    logs, gcs = site.live_bucket("logs", LOGS), site.live_bucket("gcs", ("GCS", "logs"))
    site.live_repository("r", logs, gcs)
    site.live_bucket("data", DATA)
    site.manifests(repository("r", [entry(*LOGS)]), repository("other", [entry(*DATA)]))
    assert brief(site.plan()) == ["create repository/default/other"]


def test_a_mirror_whose_master_is_kept_has_no_second_one(site: Site) -> None:
    logs = site.live_bucket("logs", LOGS)
    site.live_repository("m", {"bucketId": logs, "master": True}, mode="MIRROR")
    site.live_bucket("data", DATA)
    site.manifests(repository("m", [entry(*DATA, master=True)], mode="Mirror"))
    assert only(site).startswith("GW504") and "GW402" in only(site)


def test_a_mirror_that_leaves_master_out_keeps_the_live_one_and_needs_one(site: Site) -> None:
    logs, data = site.live_bucket("logs", LOGS), site.live_bucket("data", DATA)
    site.live_repository("m", {"bucketId": logs, "master": True}, data, mode="MIRROR")
    site.manifests(repository("m", [entry(*LOGS), entry(*DATA)], mode="Mirror"))
    assert brief(site.plan()) == [] and rules(site.plan()) == []
    site.manifests(repository("n", [entry("S3", "media")], mode="Mirror"), bucket("media", ("S3", "media")))
    assert "GW402" in only(site)


def test_what_is_broken_already_and_not_widened_is_a_warning(site: Site) -> None:
    one, two = site.live_bucket("one", ("S3", "logs")), site.live_bucket("two", ("GCS", "logs"))
    site.live_repository("r", one, two)
    site.live_bucket("data", DATA)
    site.manifests(repository("r", [entry(*DATA)]))
    plan = site.plan()
    assert brief(plan) == ["update repository/default/r"]
    assert [(d["rule"], d["severity"]) for d in plan["diagnostics"]] == [("GW504", "warning")]
    assert "GW301" in plan["diagnostics"][0]["message"]
    assert site.apply(plan).converged
    three = site.live_bucket("three", ("GCS", "data"))
    assert three
    site.manifests(repository("r", [entry("GCS", "data")]))
    assert only(site).startswith("GW504") and "data" in only(site), "another breach is not borne"


def test_an_api_key_of_another_storage_account_is_told(site: Site) -> None:
    azure = {"secret": "hush", "provider": "AZURE", "workspaceId": site.workspace_id()}
    site.write("apikeys", azure | {"key": "otheracct", "description": "azure"})
    manifest = bucket("container", ("AzureBlob", "thisacct", "logs"), credentials={"apiKey": "azure"})
    site.manifests(manifest)
    assert only(site).startswith("GW502") and "'otheracct'" in only(site) and "'thisacct'" in only(site)
    site.write("apikeys", azure | {"key": "ThisAcct", "description": "right"})
    site.manifests(bucket("container", ("AzureBlob", "thisacct", "logs"), credentials={"apiKey": "right"}))
    assert rules(site.plan()) == []


def test_with_any_error_nothing_is_planned(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), repository("r", [entry(*DATA)]))
    plan = site.plan()
    assert rules(plan) and plan["operations"] == []
    assert set(plan["summary"].values()) == {0}


# Selection.


def team(name: str) -> dict[str, Any]:
    return {"labels": {"team": name}}


def test_a_selected_repository_brings_along_what_it_needs_and_nothing_else(site: Site) -> None:
    site.live_bucket("live", ("S3", "live"))
    site.manifests(
        workspace("lab"),
        bucket("logs", LOGS), bucket("data", DATA), bucket("live", ("S3", "live"), region="eu-west-1"),
        repository("r", [entry(*LOGS), entry("S3", "live")], **team("blue")), repository("s", [entry(*DATA)], **team("red")),
        repository("t", workspace="lab", **team("blue")),
    )  # fmt: skip
    plan = site.plan(selector="team=blue")
    assert brief(plan) == [
        "create workspace/lab", "create bucket/default/logs", "create repository/default/r", "create repository/lab/t",
    ]  # fmt: skip
    assert site.apply(selector="team=blue").converged
    assert_empty(site.plan(selector="team=blue"))
    assert brief(site.plan(targets=("Repository/s",))) == ["create bucket/default/data", "create repository/default/s"]


def test_mistakes_outside_of_the_selection_that_need_the_platform_do_not_count(site: Site) -> None:
    site.live_repository("S")
    site.manifests(repository("r", **team("blue")), repository("s", **team("red")))
    assert brief(site.plan(selector="team=blue")) == ["create repository/default/r"]


def test_a_mistake_in_what_a_selected_object_needs_does_count(site: Site) -> None:
    site.live_workspace("Lab")
    site.manifests(workspace("lab"), repository("r", workspace="lab"))
    assert only(site, targets=("Repository/r",)).startswith("GW502")


def test_a_repository_that_has_to_let_go_first_comes_with_the_target(site: Site) -> None:
    site.live_repository("a", site.live_bucket("logs", LOGS))
    other = repository("c", [])
    site.manifests(repository("a", [], policy="Exact"), repository("b", [entry(*LOGS)]), other)
    assert brief(site.plan(targets=("Repository/b",))) == ["update repository/default/a", "create repository/default/b"]
    assert brief(site.plan(targets=("Repository/a",))) == ["update repository/default/a"]
    assert site.apply(targets=("Repository/b",)).converged
    assert site.attached("b") == {("logs", "", False)} and site.attached("a") == set()


def test_what_a_repository_would_keep_is_not_free(site: Site) -> None:
    site.live_repository("a", site.live_bucket("logs", LOGS))
    site.manifests(repository("a", [entry(*LOGS)]), repository("b", [entry(*LOGS, folder="")]))
    assert any("GW404" in rule or "GW504" in rule for rule in rules(site.plan(targets=("Repository/b",))))


@pytest.mark.parametrize("target", ["Repository/nobody", "Bucket", "Thing/r", "Repository/r"])
def test_a_target_that_means_nothing_or_several_is_wrong_usage(site: Site, target: str) -> None:
    site.manifests(workspace("lab"), repository("r"), repository("r", workspace="lab"))
    with pytest.raises(UsageError):
        site.plan(targets=(target,))


# Pruning.


def test_prune_deletes_what_this_project_applied_and_declares_no_more(site: Site) -> None:
    site.live_bucket("theirs", DATA)
    site.manifests(workspace("lab"), bucket("logs", LOGS), llm("gpt"), repository("r", [entry(*LOGS)]), repository("s"),
                   repository("t", workspace="lab"))  # fmt: skip
    site.apply()
    site.manifests(repository("s"))
    plan = site.plan(prune=True)
    assert sorted(brief(plan)) == [
        "delete bucket/default/logs", "delete llm/default/gpt", "delete repository/default/r", "delete repository/lab/t",
    ]  # fmt: skip
    assert operation(plan, "bucket/default/logs")["dependsOn"] == ["repository/default/r"]
    assert all(op["risk"] == "destructive" for op in plan["operations"])
    assert site.apply(plan).converged
    assert (site.names("repo"), site.names("bucket"), site.names("workspace")) == (
        ["s"],
        ["theirs"],
        ["default", "lab"],
    )
    assert_empty(site.plan(prune=True))


def test_a_deletion_has_all_that_goes_with_it(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), repository("r", [entry(*LOGS, folder="a")]), repository("s"))
    site.apply()
    site.live_key(site.one("repo", "r")["id"])
    site.manifests(bucket("logs", LOGS), repository("s"))
    plan = site.plan(prune=True)
    doomed = operation(plan, "repository/default/r")
    assert shown(doomed["detach"]) == ["S3/logs"]
    assert doomed["before"]["apiKeys"] == 1
    assert (doomed["before"]["attachments"], doomed["after"]) == (doomed["detach"], None)
    assert plan["summary"]["detach"] == 1


def test_what_is_in_use_is_not_pruned(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), repository("r"))
    site.apply()
    site.live_repository("theirs", site.one("bucket", "logs")["id"])
    site.manifests(repository("r"))
    assert only(site, prune=True).startswith("GW505") and "theirs" in only(site, prune=True)


def test_a_repository_takes_over_what_a_pruned_one_attached(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), repository("old", [entry(*LOGS)]))
    site.apply()
    site.manifests(bucket("logs", LOGS), repository("new", [entry(*LOGS)]))
    plan = site.plan(prune=True)
    assert operation(plan, "repository/default/new")["dependsOn"] == ["repository/default/old"]
    assert site.apply(plan).converged


def test_prune_counts_as_unmanaged_only_what_is_in_the_workspaces_of_the_manifests(site: Site) -> None:
    site.live_workspace("lab")
    site.live_bucket("theirs", LOGS, "lab")
    site.manifests(repository("r"))
    site.apply()
    assert site.plan(prune=True)["unmanaged"] == site.plan()["unmanaged"] == []


@pytest.mark.parametrize("asked", [{"paths": ("manifests",)}, {"selector": "team"}, {"targets": ("Repository/r",)}])
def test_prune_goes_with_all_manifests_only(site: Site, asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.folder)
    site.manifests(repository("r"))
    site.apply()
    with pytest.raises(UsageError):
        site.plan(prune=True, **asked)
    site.manifests(manifest("Repository", "r", {"endpointTipe": "S3"}))
    with pytest.raises(UsageError):
        site.plan(prune=True, **asked)


def test_prune_needs_a_record_of_what_was_applied(site: Site) -> None:
    site.live_repository("theirs")
    site.manifests(repository("r"))
    with pytest.raises(UsageError):
        site.plan(prune=True)


# Reading.


def test_the_number_of_lists_does_not_grow_with_the_number_of_objects(site: Site) -> None:
    def lists_for(count: int) -> list[tuple[str, str | None]]:
        names = [f"n{i}" for i in range(count)]
        site.manifests(*(bucket(n, ("S3", f"bucket-{n}")) for n in names),
                       *(repository(n, [entry("S3", f"bucket-{n}")]) for n in names))  # fmt: skip
        counting: list[Counting] = []
        site.plan(wrap=lambda reader: counting.append(Counting(reader)) or counting[-1])
        seen = counting[-1].calls[:]
        site.apply(wrap_reader=lambda reader: counting.append(Counting(reader)) or counting[-1])
        return seen + counting[-1].calls

    assert len(lists_for(3)) == len(lists_for(20)) == len(lists_for(40))


def test_a_plan_lists_each_kind_of_each_workspace_once(site: Site) -> None:
    site.live_workspace("lab")
    site.manifests(repository("r"), repository("s", workspace="lab"))
    counting: list[Counting] = []
    site.plan(wrap=lambda reader: counting.append(Counting(reader)) or counting[-1])
    calls = counting[0].calls
    assert len(calls) == len(set(calls)) == 7
