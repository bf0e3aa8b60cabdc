"""What an apply does with a plan: preconditions, order, failures, what it sends, and what the receipt says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest

from gatectl.applying import execute as executor
from gatectl.credentials import secrets
from gatectl.errors import MissingCredential, PlatformError, Uncertain
from gatectl.platforms.interface import Writer
from gatectl.records.interface import Records
from sites import (
    Between,
    Counting,
    Site,
    assert_empty,
    brief,
    bucket,
    entry,
    llm,
    lost_connection,
    operation,
    repository,
    workspace,
)  # fmt: skip

LOGS, DATA, MEDIA = ("S3", "logs"), ("S3", "data"), ("GCS", "media")


def interfering(at: int, act: Callable[[], object], *, late: bool = False) -> Callable[[Writer], Writer]:
    """A writer before whose n-th write (`late`: after it) somebody else acts."""
    return lambda writer: Between(writer, at, act, late=late)


# Preconditions.


def test_a_plan_that_was_applied_already_is_already_so(site: Site) -> None:
    site.live_bucket("logs", LOGS)
    site.manifests(workspace("lab"), bucket("logs", LOGS, region="eu-west-1"), bucket("data", DATA), llm("gpt"),
                   repository("r", [entry(*LOGS), entry(*DATA)]))  # fmt: skip
    plan = site.plan()
    assert set(site.apply(plan).statuses.values()) == {"done"}
    before = site.snapshot()
    again = site.apply(plan)
    assert set(again.statuses.values()) == {"already"}
    assert again.converged
    assert [o["platformId"] for o in again["outcomes"]] == [o["platformId"] for o in site.apply(plan)["outcomes"]]
    assert site.snapshot() == before


def test_a_deletion_that_was_made_already_is_already_so(site: Site) -> None:
    site.manifests(repository("r"), repository("s"))
    site.apply()
    site.manifests(repository("s"))
    plan = site.plan(prune=True)
    assert site.apply(plan).statuses == {"repository/default/r": "done"}
    assert site.apply(plan).statuses == {"repository/default/r": "already"}


def test_a_conflict_before_the_first_write_stops_everything(site: Site) -> None:
    site.live_bucket("logs", LOGS, region="eu-west-1")
    site.manifests(bucket("logs", LOGS, region="eu-west-2"), repository("r", [entry(*LOGS)]), repository("s"))
    plan = site.plan()
    site.update("bucket", site.one("bucket", "logs")["id"], {"region": "us-east-1"})
    before = site.snapshot()
    receipt = site.apply(plan)
    assert receipt.statuses == {
        "bucket/default/logs": "conflict", "repository/default/r": "not-started", "repository/default/s": "not-started",
    }  # fmt: skip
    assert "planned 'eu-west-1', live 'us-east-1', wanted 'eu-west-2'" in receipt.error("bucket/default/logs")
    assert not receipt.converged
    assert site.snapshot() == before


def test_what_somebody_else_created_or_deleted_meanwhile_is_a_conflict(site: Site) -> None:
    old = site.live_repository("old", site.live_bucket("logs", LOGS))
    site.manifests(repository("new", endpoint="GCS"), repository("old", [], policy="Exact"))
    plan = site.plan()
    site.live_repository("new")
    writer = site.writer()
    writer.delete("repo", old)
    writer.close()
    assert set(site.apply(plan).statuses.values()) == {"conflict"}


def test_an_attachment_made_meanwhile_is_a_conflict_and_is_not_lost(site: Site) -> None:
    site.live_bucket("logs", LOGS)
    data, live = site.live_bucket("data", DATA), site.live_repository("r")
    site.manifests(repository("r", [entry(*LOGS)]))
    plan = site.plan()
    attached = {"name": "r", "storageType": "S3", "mode": "NORMAL", "repoBuckets": [{"bucketId": data}]}
    site.update("repo", live, attached)
    receipt = site.apply(plan)
    assert receipt.statuses == {"repository/default/r": "conflict"}
    assert "S3:data:data" in receipt.error("repository/default/r")
    assert site.attached("r") == {("data", "", False)}
    assert site.apply().converged
    assert site.attached("r") == {("data", "", False), ("logs", "", False)}


def test_changes_to_other_objects_do_not_make_a_plan_stale(site: Site) -> None:
    logs = site.live_bucket("logs", LOGS)
    site.manifests(repository("r", [entry(*LOGS)]))
    plan = site.plan()
    site.live_repository("other", {"bucketId": logs, "folder": "a"})
    site.live_bucket("data", DATA)
    site.update("bucket", logs, {"region": "eu-west-1"})
    assert site.apply(plan).converged


def test_a_conflict_later_blocks_what_depends_on_it_and_the_rest_goes_on(site: Site) -> None:
    logs = site.live_bucket("logs", LOGS)
    holder = site.live_repository("holder", logs)
    site.manifests(
        workspace("lab"),
        repository("r", workspace="lab"),
        repository("holder", [], policy="Exact"),
        repository("taker", [entry(*LOGS)]),
        repository("s"),
    )
    plan = site.plan()
    assert brief(plan) == [
        "create workspace/lab", "update repository/default/holder", "create repository/default/s",
        "create repository/default/taker", "create repository/lab/r",
    ]  # fmt: skip

    def attach() -> None:
        kept = [{"bucketId": logs}, {"bucketId": site.live_bucket("data", DATA)}]
        site.update("repo", holder, {"name": "holder", "storageType": "S3", "mode": "NORMAL", "repoBuckets": kept})

    receipt = site.apply(plan, wrap=interfering(0, attach))
    assert receipt.statuses == {
        "workspace/lab": "done", "repository/default/holder": "conflict", "repository/default/s": "done",
        "repository/default/taker": "blocked", "repository/lab/r": "done",
    }  # fmt: skip
    assert not receipt.converged
    assert site.attached("holder") == {("logs", "", False), ("data", "", False)}


def test_a_change_before_a_later_level_is_a_conflict_there(site: Site) -> None:
    """The level is read just before it is written; what changed since the plan was made is seen."""
    site.live_bucket("logs", LOGS)
    live = site.live_repository("r", site.one("bucket", "logs")["id"])
    site.manifests(bucket("data", DATA), repository("r", [entry(*DATA)]), repository("s", [entry(*DATA, folder="s")]))

    def rename() -> None:
        site.update("repo", live, {"name": "other", "storageType": "S3", "mode": "NORMAL"})

    receipt = site.apply(wrap=interfering(0, rename, late=True))
    assert receipt.statuses == {
        "bucket/default/data": "done", "repository/default/r": "conflict", "repository/default/s": "done",
    }  # fmt: skip
    assert site.attached("other") == {("logs", "", False)}


def test_a_change_between_the_read_and_the_write_is_not_lost(site: Site) -> None:
    logs, live = site.live_bucket("logs", LOGS), site.live_repository("r")
    site.live_bucket("data", DATA)
    site.manifests(repository("r", [entry(*DATA)]))

    def attach() -> None:
        body = {"name": "r", "storageType": "S3", "mode": "NORMAL", "repoBuckets": [{"bucketId": logs}]}
        site.update("repo", live, body)

    receipt = site.apply(wrap=interfering(0, attach))
    assert receipt.statuses == {"repository/default/r": "conflict"}
    assert site.attached("r") == {("logs", "", False)}


# Failures.


def test_a_refusal_fails_its_operation_blocks_its_dependents_and_leaves_the_rest_alone(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), repository("r", [entry(*LOGS)]), repository("s"))

    def take_the_name() -> None:
        site.live_repository("s", storageType="GCS")

    receipt = site.apply(wrap=interfering(0, take_the_name))
    assert receipt.statuses == {
        "bucket/default/logs": "done", "repository/default/r": "done", "repository/default/s": "failed",
    }  # fmt: skip
    assert receipt.error("repository/default/s").startswith("NAME_ALREADY_USED")


def test_a_lost_answer_is_found_out_by_reading_back(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), repository("r", [entry(*LOGS)]))
    receipt = site.apply(wrap=interfering(0, lost_connection, late=True))
    assert receipt.converged
    assert [o["platformId"] for o in receipt["outcomes"]] == [
        site.one("bucket", "logs")["id"],
        site.one("repo", "r")["id"],
    ]


def test_a_lost_request_is_failed_and_blocks_what_depends_on_it(site: Site) -> None:
    site.manifests(workspace("lab"), repository("r", workspace="lab"), repository("s"))
    receipt = site.apply(wrap=interfering(0, lost_connection))
    assert receipt.statuses == {
        "workspace/lab": "failed",
        "repository/lab/r": "blocked",
        "repository/default/s": "done",
    }
    assert "Workspace lab" in receipt.error("repository/lab/r")
    assert receipt["summary"] == {
        "done": 1, "already": 0, "conflict": 0, "failed": 1, "blocked": 1, "not-started": 0, "unknown": 0,
    }  # fmt: skip


def test_what_was_done_is_ours_although_the_rest_failed(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), bucket("data", DATA), repository("r"))
    site.apply(wrap=interfering(1, lost_connection))
    site.manifests(repository("r"))
    assert brief(site.plan(prune=True)) == ["delete bucket/default/data"]


class Forgetful:
    """A store of records that is full."""

    def __init__(self, inner: Records) -> None:
        self.owned, self.places, self.open_runs = inner.owned, inner.places, inner.open_runs
        self.claim, self.finish, self.end, self.close = inner.claim, inner.finish, inner.end, inner.close

    def intend(self, *_: object) -> None: ...

    def record(self, *_: object) -> None:
        raise PlatformError("the disk is full")


def test_when_the_record_fails_the_receipt_still_says_what_was_done(site: Site) -> None:
    site.manifests(repository("r"))
    receipt = site.apply(wrap_records=Forgetful)
    assert receipt.statuses == {"repository/default/r": "done"}
    assert receipt.error("repository/default/r").startswith("unrecorded")
    assert not receipt.converged
    assert [a["name"] for a in site.plan()["adopts"]] == ["r"]
    with pytest.raises(PlatformError):  # nothing was written, so there is nothing that a receipt would have to tell
        site.apply(wrap_records=Forgetful)


def test_an_apply_is_alone_from_before_it_reads_again_until_everything_is_closed(site: Site) -> None:
    site.manifests(repository("r"))
    seen: list[str] = []

    class Noted:
        """What tells of each call of these methods, and of letting go of a claim."""

        def __init__(self, inner: Any, *names: str) -> None:
            self._inner, self._names = inner, names

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._inner, name)
            if name not in self._names:
                return found

            def call(*arguments: Any) -> Any:
                seen.append(name)
                result = found(*arguments)
                return (lambda: (seen.append("let go"), result())) if name == "claim" else result

            return call

    plan = site.plan()
    receipt = site.apply(
        plan,
        wrap=lambda inner: Noted(inner, "create", "close"),
        wrap_reader=lambda inner: Noted(inner, "list"),
        wrap_records=lambda inner: Noted(inner, "claim", "intend", "record", "close"),
    )
    assert receipt.converged
    assert [name for name, _ in groupby(seen)] == [
        "claim", "list", "intend", "create", "list", "record", "close", "let go",
    ]  # fmt: skip
    assert seen.count("close") == 2, "the writer and the records"


def test_what_does_not_read_back_as_wanted_has_not_converged(site: Site) -> None:
    site.manifests(llm("gpt", endpoint="https://a.example.com"))

    def meddle() -> None:
        site.update("ai/llm", site.one("ai/llm", "gpt")["id"], {"endpoint": "https://b.example.com"})

    receipt = site.apply(wrap=interfering(0, meddle, late=True))
    assert receipt.statuses == {"llm/default/gpt": "done"}
    assert receipt.error("llm/default/gpt").startswith("diverged") and "https://b.example.com" in receipt.error(
        "llm/default/gpt"
    )
    assert not receipt.converged


def test_a_stop_starts_nothing_more_and_the_receipt_says_what_was_done(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), bucket("data", DATA), repository("r", [entry(*DATA)]))
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 1

    receipt = site.apply(stop=stop)
    assert receipt.statuses == {
        "bucket/default/data": "done", "bucket/default/logs": "not-started", "repository/default/r": "not-started",
    }  # fmt: skip
    assert not receipt.converged
    assert site.apply().converged


def test_all_credentials_are_resolved_before_the_first_write_and_all_that_miss_are_named(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), llm("gpt"))
    with pytest.raises(MissingCredential) as raised:
        secrets.resolve_plan(site.plan(), site.folder, {})
    assert "KEY is not set (Bucket default/logs: key and 1 more)" in raised.value.message
    assert "SECRET is not set (Bucket default/logs: secret and 1 more)" in raised.value.message


def test_a_secret_in_a_file_is_found_beside_its_manifest(site: Site) -> None:
    credentials = {"key": {"env": "KEY"}, "secret": {"file": "secrets/aws"}}
    site.manifests(files={"team/buckets.yaml": [bucket("logs", LOGS, credentials)]})
    (site.folder / "manifests/team/secrets").mkdir()
    (site.folder / "manifests/team/secrets/aws").write_text("hush\n")
    assert secrets.resolve_plan(site.plan(), site.folder, {"KEY": "AKIA"}) == {
        "bucket/default/logs": {"key": "AKIA", "secret": "hush"}
    }
    assert site.apply().converged


# What is sent.


class Recording(Between):
    """A writer that remembers what it was asked to write."""

    def __init__(self, inner: Writer) -> None:
        super().__init__(inner, -1, lost_connection)
        self.bodies: list[Any] = []

    def update(self, collection: Any, object_id: str, body: Any, etag: str | None = None) -> None:
        self.bodies.append((body, etag))
        super().update(collection, object_id, body, etag)


def test_an_update_sends_complete_lists_and_keeps_what_is_not_managed(site: Site) -> None:
    logs, data, gpt = site.live_bucket("logs", LOGS), site.live_bucket("data", DATA), site.live_llm("gpt")
    site.live_repository("r", {"bucketId": logs, "folder": "/kept/", "master": True}, llms=[gpt])
    etag = site.one("repo", "r")["etag"]
    site.manifests(repository("r", [entry(*DATA, folder="new")]))
    recording: list[Recording] = []
    assert site.apply(wrap=lambda writer: recording.append(Recording(writer)) or recording[-1]).converged
    assert recording[0].bodies == [
        (
            {
                "name": "r", "storageType": "S3", "mode": "NORMAL", "workspaceId": site.workspace_id(),
                "repoBuckets": [
                    {"bucketId": logs, "folder": "/kept/", "master": True},
                    {"bucketId": data, "folder": "new", "master": False},
                ],
                "repoAiLlms": [{"aiLlmId": gpt}],
            },
            etag,
        )
    ]  # fmt: skip


def test_the_master_of_a_mirror_changes_in_place(site: Site) -> None:
    logs, data = site.live_bucket("logs", LOGS), site.live_bucket("data", DATA)
    site.live_repository("m", {"bucketId": logs, "master": True}, data, mode="MIRROR")
    site.manifests(repository("m", [entry(*LOGS, master=False), entry(*DATA, master=True)], mode="Mirror"))
    (op,) = (plan := site.plan())["operations"]
    assert op["fields"] == [
        {"path": "/spec/resources/S3:data:data/master", "before": False, "after": True},
        {"path": "/spec/resources/S3:logs:logs/master", "before": True, "after": False},
    ]
    assert site.apply(plan).converged
    assert site.attached("m") == {("logs", "", False), ("data", "", True)}
    assert_empty(site.plan())


def test_the_master_of_a_mirror_changes_while_its_bucket_is_renamed_in_case(site: Site) -> None:
    logs, data = site.live_bucket("Logs", LOGS), site.live_bucket("data", DATA)
    site.live_repository("m", {"bucketId": logs, "master": True}, data, mode="MIRROR")
    site.manifests(
        bucket("logs", LOGS, metadata={"id": logs}), bucket("media", MEDIA),
        repository("m", [entry(*LOGS, master=False), entry(*DATA, master=True), entry(*MEDIA)], mode="Mirror"),
    )  # fmt: skip
    assert site.apply().converged
    assert site.attached("m") == {("logs", "", False), ("data", "", True), ("media", "", False)}


def test_what_the_same_run_creates_is_attached_by_identity_and_label(site: Site) -> None:
    site.manifests(
        bucket("aws", LOGS), bucket("minio", LOGS, endpoint="https://minio.example.com", allowDuplicate=True), llm("gpt"),
        repository("r", [entry(*LOGS, label="minio", folder="/a/")]), repository("ai", [entry("LLM", "gpt")], "OpenAI"),
    )  # fmt: skip
    assert site.apply().converged
    assert site.attached("r") == {("minio", "/a/", False)}
    assert site.attached("ai") == {("gpt", "", False)}
    assert site.one("repo", "ai")["storageType"] == "OPENAI"


def test_an_azure_container_is_sent_as_the_platform_has_it(site: Site) -> None:
    site.manifests(bucket("azure", ("AzureBlob", "acct", "logs")))
    site.apply()
    live = site.one("bucket", "azure")
    assert (live["storageType"], live["key"], live["bucket"]) == ("BLOB", "acct", "logs")


def test_nothing_planned_is_an_empty_receipt_that_has_converged(site: Site) -> None:
    site.manifests(repository("r"))
    site.apply()
    receipt = site.apply()
    assert (receipt["outcomes"], receipt.converged) == ([], True)


def test_a_precheck_names_every_conflict_and_writes_nothing(site: Site) -> None:
    site.manifests(repository("r", endpoint="GCS"), repository("s"))
    plan = site.plan()
    site.live_repository("r")
    before = site.snapshot()
    reader = site.reader()
    (conflict,) = executor.precheck(plan, reader, site.guard(reader))
    reader.close()
    assert conflict.operation == "repository/default/r"
    assert operation(plan, conflict.operation)["pre"] == {"exists": False, "hash": None}
    assert site.snapshot() == before


# A write of which nobody knows whether it had an effect


def live_now(site: Site, collection: Any) -> list[Any]:
    reader = site.reader()
    try:
        return list(reader.list(collection))
    finally:
        reader.close()


def uncertain(*, settled: bool) -> Callable[[], None]:
    def act() -> None:
        raise Uncertain("no answer", settled=settled)

    return act


@pytest.mark.parametrize("settled", [True, False])
def test_a_creation_that_had_an_effect_all_the_same_is_found_and_done(site: Site, settled: bool) -> None:
    site.manifests(bucket("logs", LOGS))
    receipt = site.apply(wrap=lambda writer: Between(writer, 0, uncertain(settled=settled), late=True))
    assert receipt.converged
    assert receipt["outcomes"][0]["attempts"] == 1
    assert len(live_now(site, "bucket")) == 1


def test_a_creation_that_surely_had_no_effect_is_tried_again_where_its_name_is_taken_once(site: Site) -> None:
    site.manifests(repository("r"))
    receipt = site.apply(wrap=lambda writer: Between(writer, 0, uncertain(settled=True)))
    assert receipt.converged
    assert receipt["outcomes"][0]["attempts"] == 2
    assert len(live_now(site, "repo")) == 1


@pytest.mark.parametrize("settled", [True, False])
def test_a_creation_of_which_the_end_is_not_known_is_not_repeated_where_that_could_double_it(
    site: Site, settled: bool
) -> None:
    """The platform takes the names of buckets, LLMs and workspaces twice, those of repositories once."""
    site.manifests(bucket("logs", LOGS), llm("gpt"), workspace("second"))
    for at, operation_id in ((0, "workspace/second"), (1, "bucket/default/logs"), (2, "llm/default/gpt")):
        plan = site.plan(targets=("Workspace/second", "Bucket/logs", "LLM/gpt")[at : at + 1])
        receipt = site.apply(plan, wrap=lambda writer: Between(writer, 0, uncertain(settled=settled)))
        assert receipt.statuses == {operation_id: "unknown"}
        assert receipt["outcomes"][0]["attempts"] == 1
    assert live_now(site, "bucket") == live_now(site, "ai/llm") == []
    site.manifests(repository("r"))
    assert site.apply(wrap=lambda writer: Between(writer, 0, uncertain(settled=settled))).converged


class LateCommit(Between):
    """A platform that answers nothing to the first creation, and commits it only after it was read again."""

    def create(self, collection: Any, body: Any, key: str | None = None) -> str:
        self.writes += 1
        if self.writes == 1:
            self.pending = (collection, body)
            raise Uncertain("no answer", settled=False)
        self._inner.create(*self.pending)
        return self._inner.create(collection, body, key)


def test_a_name_that_is_used_because_the_first_attempt_came_through_late_is_done(site: Site) -> None:
    site.manifests(repository("r"))
    receipt = site.apply(wrap=lambda writer: LateCommit(writer, 0, lambda: None))
    assert receipt.converged
    assert receipt["outcomes"][0] | {"platformId": None} == {
        "id": "repository/default/r", "status": "done", "platformId": None, "attempts": 2, "error": None,
        "source": {"file": "manifests/all.yaml", "line": 1, "column": 1},
    }  # fmt: skip
    assert len(live_now(site, "repo")) == 1


# Found in review


def test_a_renewal_that_nobody_confirmed_is_not_done(site: Site) -> None:
    """Credentials cannot be read back, so an object that looks as wanted proves nothing."""
    site.manifests(bucket("logs", LOGS))
    assert site.apply().converged

    def refuse(writer: Writer) -> Writer:
        class Silent(Between):
            def update(self, *arguments: Any, **named: Any) -> None:
                raise Uncertain("no answer", settled=False)

        return Silent(writer, 0, lambda: None)

    receipt = site.apply(renew=("Bucket/logs",), wrap=refuse)
    assert receipt.statuses == {"bucket/default/logs": "unknown"}
    assert not receipt.converged


def test_a_renewal_is_sent_although_somebody_else_made_the_other_change(site: Site) -> None:
    site.manifests(bucket("logs", LOGS, region="eu-west-1"))
    assert site.apply().converged
    site.manifests(bucket("logs", LOGS, region="eu-central-1"))
    plan = site.plan(renew=("Bucket/logs",))
    assert site.apply().converged
    sent: list[Any] = []

    class Watching(Between):
        def update(self, collection: Any, object_id: str, body: Any, etag: str | None = None) -> None:
            sent.append(body)
            super().update(collection, object_id, body, etag)

    receipt = site.apply(plan, wrap=lambda writer: Watching(writer, 0, lambda: None))
    assert receipt.statuses == {"bucket/default/logs": "done"}
    assert sent[0]["secret"]


def test_an_unforeseen_error_in_the_middle_leaves_a_receipt(site: Site) -> None:
    site.manifests(bucket("logs", LOGS), bucket("media", MEDIA))

    class Broken(Between):
        def create(self, collection: Any, body: Any, key: str | None = None) -> str:
            if body["name"] == "media":
                raise KeyError("unforeseen")
            return super().create(collection, body, key)

    receipt = site.apply(wrap=lambda writer: Broken(writer, 9, lambda: None))
    assert receipt.statuses == {"bucket/default/logs": "done", "bucket/default/media": "failed"}
    assert not receipt.converged


def test_an_interruption_while_reading_back_is_not_called_converged(site: Site) -> None:
    site.manifests(bucket("logs", LOGS))

    class Impatient(Counting):
        def list(self, collection: Any, workspace_id: str | None = None) -> Any:
            if len(self.calls) >= 3:
                raise KeyboardInterrupt
            return super().list(collection, workspace_id)

    receipt = site.apply(wrap_reader=Impatient)
    assert receipt.statuses == {"bucket/default/logs": "done"}
    assert not receipt.converged
