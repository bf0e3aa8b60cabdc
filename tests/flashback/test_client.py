"""The client against a server that behaves: reads, refusals, deadlines, and the same state whichever way it is reached."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gatectl.errors import NotAuthenticated, PlatformError, Unreachable, Unsupported, UsageError
from gatectl.platforms.flashback import check_url, open_reader
from gatectl.platforms.flashback.transport import Pace
from gatectl.platforms.interface import Connection, Credentials, Secret
from leaping import Leaping
from proxying import Proxy
from serving import EMAIL, PASSWORD, Rehearsal, Server


def connection(url: str, **more: Any) -> Connection:
    return Connection(
        url, Path("/"), credentials=Credentials(email=EMAIL, password=Secret(PASSWORD)), named=True, **more
    )


@contextmanager
def scripted(
    answers: Mapping[str, tuple[int, Any]], requests: list[tuple[str, str, str]] | None = None
) -> Iterator[str]:
    """A platform of which every answer is given: path → (status, JSON, or bytes that are none)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if requests is not None:
                requests.append((self.command, self.path, self.headers.get("Authorization", "")))
            status, body = answers.get(path, (404, {"success": False, "message": "no such thing"}))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


WORKSPACE = {"success": True, "workspaces": [{"id": "w1", "name": "analytics"}, {"id": "w2", "name": "ml"}]}


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://backend.flashback.tech", True),
        ("https://backend.flashback.tech/base/", True),
        ("http://127.0.0.1:8080", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:8080", True),
        ("http://localhost:1", True),
        ("http://backend.flashback.tech", False),
        ("http://127.0.0.1.example.com", False),
        ("http://10.0.0.1", False),
        ("https://user:secret@backend.flashback.tech", False),
        ("https://backend.flashback.tech/?token=x", False),
        ("https://", False),
        ("https://[::1", False),
        ("https://host:port", False),
    ],
)
def test_plain_http_is_for_loopback_and_addresses_carry_no_secrets(url: str, allowed: bool) -> None:
    if allowed:
        assert check_url(url) == url.rstrip("/")
    else:
        with pytest.raises(UsageError):
            check_url(url)


def test_nobody_is_asked_anything_without_a_token() -> None:
    with pytest.raises(NotAuthenticated, match="no token"):
        open_reader(Connection("https://backend.flashback.tech", Path("/")))


@pytest.mark.parametrize(
    "body",
    [
        {"success": True},
        {"success": True, "workspaces": None},
        [],
        {"workspaces": [{"name": "no id"}]},
        {"workspaces": "x"},
    ],
)
def test_a_list_of_another_shape_is_never_an_empty_list(body: Any) -> None:
    with scripted({"/workspace": (200, body)}) as url, pytest.raises(PlatformError, match="no list"):
        open_reader(Connection(url, Path("/"))).list("workspace")


def test_what_is_of_another_workspace_is_not_asked_for_even_if_the_platform_sends_it() -> None:
    repos = [{"id": "a", "workspaceId": "w1"}, {"id": "b", "workspaceId": "w2"}, {"id": "c"}]
    with scripted({"/repo": (200, {"success": True, "repos": repos})}) as url:
        found = open_reader(Connection(url, Path("/"))).list("repo", "w1")
    assert [item["id"] for item in found] == ["a", "c"]


@pytest.mark.parametrize("status", [404, 501])
def test_an_endpoint_that_is_not_there_is_said_to_be_unsupported(status: int) -> None:
    with (
        scripted({"/ai/llm": (status, {"message": "only in the TEST environment"})}) as url,
        pytest.raises(Unsupported),
    ):
        open_reader(Connection(url, Path("/"))).list("ai/llm", "w1")


def test_absent_ai_endpoints_stop_only_plans_that_need_them(rehearsal: Rehearsal) -> None:
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, WORKSPACE),
        "/bucket": (200, {"success": True, "buckets": []}),
        "/repo": (200, {"success": True, "repos": []}),
    }
    storage = (
        "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r, workspace: ml}\nspec: {endpointType: S3}\n"
    )
    with scripted(answers) as url:
        rehearsal.aim(url, ".")
        (rehearsal.folder / "m.yaml").write_text(storage)
        assert rehearsal.gatectl("plan", "--detailed-exitcode", variables={}).code == 2
        (rehearsal.folder / "m.yaml").write_text(
            storage.replace(
                "spec: {endpointType: S3}", "spec: {endpointType: OpenAI, resources: [{type: LLM, name: x}]}"
            )
        )
        refused = rehearsal.gatectl("plan", "--format", "json", variables={})
    assert refused.code == 4
    (finding,) = refused.json["diagnostics"]
    assert (finding["rule"], finding["path"]) == ("GW405", "/spec/resources/0")
    assert "no list of LLM configurations: GET /ai/llm" in finding["message"]


def test_a_workspace_goes_by_name_or_id_and_several_visible_ones_must_be_chosen_from(rehearsal: Rehearsal) -> None:
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, WORKSPACE),
        "/bucket": (200, {"success": True, "buckets": []}),
        "/ai/llm": (200, {"success": True, "aiLlms": []}),
        "/repo": (200, {"success": True, "repos": []}),
    }
    (rehearsal.folder / "m.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r}\nspec: {endpointType: S3}\n"
    )
    with scripted(answers) as url:
        rehearsal.aim(url, ".")
        undecided = rehearsal.gatectl("plan", "--format", "json", variables={})
        plans = [
            rehearsal.gatectl("plan", "--format", "json", "--workspace", name, variables={}).json
            for name in ("ml", "w2")
        ]
    assert undecided.code == 4
    assert [d["rule"] for d in undecided.json["diagnostics"]] == ["GW503"]
    assert [plan["operations"][0]["workspace"] for plan in plans] == ["ml", "ml"]


def test_planning_sends_nothing_but_get(rehearsal: Rehearsal) -> None:
    requests: list[tuple[str, str, str]] = []
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, WORKSPACE),
        "/bucket": (200, {"buckets": []}),
        "/repo": (200, {"repos": []}),
    }
    (rehearsal.folder / "m.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r, workspace: ml}\nspec: {endpointType: S3}\n"
    )
    with scripted(answers, requests) as url:
        rehearsal.aim(url, ".", token={"env": "THE_TOKEN"})
        assert rehearsal.gatectl("plan", variables={"THE_TOKEN": "from-the-file"}).code == 0
        assert rehearsal.gatectl("plan", variables={"THE_TOKEN": "x", "GATECTL_TOKEN": "from-the-variable"}).code == 0
    assert {method for method, _, _ in requests} == {"GET"}
    assert {token for _, _, token in requests} == {"Bearer from-the-file", "Bearer from-the-variable"}
    assert len(requests) == 10  # who asks, workspaces, buckets, LLMs and repositories, once a plan


def test_a_missing_token_variable_is_named(rehearsal: Rehearsal) -> None:
    (rehearsal.folder / "m.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r}\nspec: {endpointType: S3}\n"
    )
    rehearsal.aim("https://backend.flashback.tech", ".", token={"env": "NOT_SET_ANYWHERE"})
    missing = rehearsal.gatectl("plan", "--format", "json", variables={})
    assert missing.code == 1
    assert missing.json["error"]["code"] == "missing_credential"
    assert "NOT_SET_ANYWHERE" in missing.json["error"]["message"]


def test_a_repository_that_holds_something_unknown_is_only_written_when_forced(rehearsal: Rehearsal) -> None:
    live = {"id": "r1", "name": "r", "storageType": "S3", "mode": "NORMAL", "workspaceId": "w2", "packets": [{"id": "p"}],
            "buckets": [], "somethingNewAndEmpty": []}  # fmt: skip
    stored = {"id": "b1", "name": "b", "bucket": "logs", "storageType": "S3", "workspaceId": "w2"}
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, WORKSPACE), "/bucket": (200, {"buckets": [stored]}), "/repo": (200, {"repos": [live]}),
    }  # fmt: skip
    head = "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r, workspace: ml}\n"
    with scripted(answers) as url:
        rehearsal.aim(url, ".")
        (rehearsal.folder / "m.yaml").write_text(f"{head}spec: {{endpointType: S3}}\n")
        assert rehearsal.gatectl("plan", "--detailed-exitcode", variables={}).code == 0
        (rehearsal.folder / "m.yaml").write_text(
            f"{head}spec: {{endpointType: S3, resources: [{{type: S3, bucket: logs}}]}}\n"
        )
        refused = rehearsal.gatectl("plan", "--format", "json", variables={})
        forced = rehearsal.gatectl("plan", "--detailed-exitcode", "--force-put", variables={})
    assert refused.code == 4
    assert "packets" in refused.json["diagnostics"][0]["message"]
    assert "somethingNewAndEmpty" not in refused.json["diagnostics"][0]["message"]
    assert forced.code == 2


def test_who_may_only_read_is_told_so_in_the_plan_and_writes_nothing(rehearsal: Rehearsal) -> None:
    spaces = [
        {"id": "w1", "name": "analytics", "users": [{"userId": "u1", "role": "ADMIN"}]},
        {"id": "w2", "name": "ml", "users": [{"userId": "u2", "role": "ADMIN"}, {"userId": "u1", "role": "read"}]},
    ]
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, {"workspaces": spaces}), "/bucket": (200, {"buckets": []}), "/repo": (200, {"repos": []}),
        "/user/profile": (200, {"success": True, "data": {"id": "u1", "orgId": "acme-org"}}),
    }  # fmt: skip
    with scripted(answers) as url:
        rehearsal.aim(url, ".")
        head = "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r, workspace: ml}\nspec: {endpointType: S3}\n"
        (rehearsal.folder / "m.yaml").write_text(head)
        planned = rehearsal.gatectl("plan", "--format", "json", variables={})
        shown = rehearsal.gatectl("plan", variables={})
        applied = rehearsal.gatectl("apply", "--yes", "--format", "json", variables={})
        (rehearsal.folder / "m.yaml").write_text(head.replace("ml", "analytics"))
        other = rehearsal.gatectl("plan", "--format", "json", variables={})
    assert planned.json["target"]["instance"] == "acme-org", "ownership goes by the organisation"
    assert planned.json["readOnly"] == ["ml"] and "readOnly" not in other.json
    assert "READ ONLY: your role in ml is READ" in shown.out
    assert (applied.code, applied.json["error"]["code"]) == (9, "forbidden")


SWITCHED_OFF: dict[str, Any] = {
    "on": (200, {"success": True, "data": {"id": "acme-org", "reposDisabled": False}}),
    "off": (200, {"success": True, "data": {"id": "acme-org", "reposDisabled": True}}),
    "another organization's": (403, {"success": False, "data": None, "message": "no"}),
    "failing": (500, {"success": False, "data": None, "message": "no"}),
    "nonsense": (200, {"success": True, "data": [True]}),
}


@pytest.mark.parametrize("said", SWITCHED_OFF)
def test_that_the_organization_serves_no_repository_is_a_warning_and_that_nobody_says_so_is_nothing(
    rehearsal: Rehearsal, said: str
) -> None:
    spaces = [{"id": "w2", "name": "ml", "orgId": "acme-org", "users": []}]
    asked: list[tuple[str, str, str]] = []
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, {"workspaces": spaces}), "/bucket": (200, {"buckets": []}), "/repo": (200, {"repos": []}),
        "/user/profile": (200, {"success": True, "data": {"id": "u1", "orgId": "acme-org"}}),
        "/organization/acme-org": SWITCHED_OFF[said],
    }  # fmt: skip
    head = "apiVersion: gatectl.io/v1\nkind: {}\nmetadata: {{name: {}}}\n"
    with scripted(answers, asked) as url:
        rehearsal.aim(url, ".")
        (rehearsal.folder / "m.yaml").write_text(f"{head.format('Repository', 'r')}spec: {{endpointType: S3}}\n")
        planned = rehearsal.gatectl("plan", "--format", "json", variables={})
        (rehearsal.folder / "m.yaml").write_text(head.format("Workspace", "ml"))
        without = rehearsal.gatectl("plan", "--format", "json", variables={})
    assert planned.code == without.code == 0 and len(planned.json["operations"]) == 1
    found = [(d["rule"], d["severity"]) for d in planned.json["diagnostics"]]
    assert found == ([("GW509", "warning")] if said == "off" else [])
    assert without.json["diagnostics"] == [], "it declares none"
    assert sum(path == "/organization/acme-org" for _, path, _ in asked) == 2, "once a plan"


def test_a_plan_is_for_one_platform_and_not_for_another_at_the_same_address(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    with Server(tmp_path / "one") as one, Server(tmp_path / "two") as two, Proxy(one.url) as proxy:
        rehearsal.aim(proxy.url)
        assert rehearsal.gatectl("plan", "--out", "p.json").code == 0
        proxy.turn_to(two.url)
        refused = rehearsal.gatectl("apply", "--plan", "p.json", "--yes")
        assert refused.code == 6 and "this is instance" in refused.err, refused
        assert two.objects("bucket") == []
        proxy.turn_to(one.url)
        assert rehearsal.gatectl("apply", "--plan", "p.json", "--yes").code == 0
        spaces, llms = one.objects("workspace"), one.objects("ai/llm")
        planned = json.loads((rehearsal.folder / "p.json").read_text())
        assert {wire["orgId"] for wire in (*spaces, *llms)} == {planned["target"]["instance"]}


def test_an_unknown_mode_is_kept_and_cannot_be_managed(rehearsal: Rehearsal) -> None:
    live = {"id": "r1", "name": "r", "storageType": "S3", "mode": "BACKUP", "workspaceId": "w2", "buckets": []}
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, WORKSPACE), "/bucket": (200, {"buckets": []}), "/repo": (200, {"repos": [live]}),
    }  # fmt: skip
    with scripted(answers) as url:
        rehearsal.aim(url, ".")
        (rehearsal.folder / "m.yaml").write_text(
            "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r, workspace: ml}\nspec: {endpointType: S3}\n"
        )
        refused = rehearsal.gatectl("plan", "--format", "json", variables={})
        exported = rehearsal.gatectl("export", variables={})
    assert [d["rule"] for d in refused.json["diagnostics"]] == ["GW505"]
    assert "BACKUP" in refused.json["diagnostics"][0]["message"]
    assert "# Repository ml/r (r1) cannot be expressed: its mode BACKUP" in exported.out


def test_an_openai_endpoint_needs_a_configured_wire_value(rehearsal: Rehearsal) -> None:
    answers: dict[str, tuple[int, Any]] = {
        "/workspace": (200, WORKSPACE), "/bucket": (200, {"buckets": []}), "/repo": (200, {"repos": []}),
    }  # fmt: skip
    with scripted(answers) as url:
        (rehearsal.folder / "m.yaml").write_text(
            "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r, workspace: ml}\nspec: {endpointType: OpenAI}\n"
        )
        unknown = rehearsal.gatectl("plan", "--platform", url, "--format", "json", variables={})
        rehearsal.aim(url, ".")
        known = rehearsal.gatectl("plan", "--detailed-exitcode", variables={})
    assert [d["rule"] for d in unknown.json["diagnostics"]] == ["GW506"]
    assert known.code == 2


def test_a_platform_that_does_not_answer_is_tried_for_ten_seconds_and_then_is_unreachable() -> None:
    time = Leaping()
    with pytest.raises(Unreachable, match="cannot be reached"):
        open_reader(Connection("http://127.0.0.1:1", Path("/"), clock=time.clock)).list("workspace")
    assert 10 <= sum(time.slept) <= 11


def test_the_deadline_ends_the_waiting(rehearsal: Rehearsal) -> None:
    (rehearsal.folder / "m.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: r}\nspec: {endpointType: S3}\n"
    )
    rehearsal.aim("http://127.0.0.1:1", ".")
    passed = rehearsal.gatectl("plan", "--deadline", "5", "--format", "json", variables={}, waits=False)
    assert passed.code == 10
    assert passed.json["error"]["code"] == "deadline"


def test_the_pace_starts_at_four_halves_when_throttled_and_grows_slowly() -> None:
    pace = Pace(16)
    assert pace.limit == 4
    pace.was_throttled()
    pace.was_throttled()  # of the same moment
    assert pace.limit == 2
    for _ in range(8):
        pace.went_well()
    assert pace.limit == 3
    for _ in range(1000):
        pace.went_well()
    assert pace.limit == 16
    assert Pace(1).limit == 1


def test_export_over_http_validates_and_plans_to_nothing(rehearsal: Rehearsal, server: Server, tmp_path: Path) -> None:
    rehearsal.aim(server.url)
    assert rehearsal.gatectl("apply", "--yes").code == 0
    exported = rehearsal.gatectl("export", "--out", str(tmp_path / "exported"))
    assert exported.code == 0, exported
    again = rehearsal.gatectl("plan", "--detailed-exitcode", str(tmp_path / "exported"))
    assert again.code == 0, again
