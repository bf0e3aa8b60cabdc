"""How much one apply may do, when it may run, and what it never deletes, whoever asks."""

from __future__ import annotations

import json
import zoneinfo
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl import windows
from gatectl.clock import CLOCK
from gatectl.documents.limits import Extent, Guardrails, allows, count, limited
from gatectl.documents.plans import digest
from gatectl.render import FORMATS

from .conftest import BUCKET, SEEN, Shell, project

BUCKETS = "---\n".join(
    BUCKET.replace("raw-aws", f"b{n}")
    .replace("raw-events", f"bucket-{n}")
    .replace("type: S3", "type: S3\n  region: eu")
    for n in range(10)
)
ATTACHED = [f"bucket-{n}" for n in range(10)]
WORK = "Mon-Fri 08:00-18:00 Europe/Berlin"
INSIDE, OUTSIDE = "2026-11-30T10:00:00+01:00", "2026-11-28T10:00:00+01:00"


def write_guardrails(shell: Shell, **guardrails: Any) -> None:
    shell.write("gatectl.yaml", project(default={"platform": "embedded", "guardrails": guardrails}))


def guarded(shell: Shell, **guardrails: Any) -> None:
    """These guardrails from now on: an operator has looked at the change of the project file."""
    write_guardrails(shell, **guardrails)
    assert shell("apply", "--yes", *SEEN).code == 0


def attaching(*buckets: str) -> str:
    return "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: data}\n" + json.dumps(
        {"spec": {"endpointType": "S3", "attachmentPolicy": "Exact",
                  "resources": [{"type": "S3", "bucket": name} for name in buckets]}}
    )[1:-1]  # fmt: skip


def declare(shell: Shell, buckets: int = 10, attached: int = 10, region: str = "eu", changed: int = 0) -> None:
    """So many buckets, so many of them attached, and the first few with another region."""
    texts = BUCKETS.split("---\n")[:buckets]
    texts[:changed] = [text.replace("region: eu", f"region: {region}") for text in texts[:changed]]
    shell.write("manifests/all.yaml", "\n---\n".join([*texts, attaching(*ATTACHED[:attached])]))


@pytest.fixture
def ten(shell: Shell) -> Shell:
    """Ten buckets and a repository that attaches them, applied."""
    shell.write("gatectl.yaml", project())
    declare(shell)
    assert shell("apply", "--yes").code == 0
    return shell


@pytest.mark.parametrize(
    ("guardrails", "changed", "code"),
    [({"maxChanges": 3}, 3, 0), ({"maxChanges": 3}, 4, 5), ({"maxChanges": "20%"}, 3, 0), ({"maxChanges": "20%"}, 4, 5),
     ({"maxChanges": "0%"}, 1, 5), ({"maxChanges": 0}, 0, 0), ({"maxDeletes": 0, "maxDetaches": "0%"}, 9, 0)],
)  # fmt: skip
def test_updates_and_deletes_are_counted_and_a_percentage_is_rounded_up(
    guardrails: dict[str, Any], changed: int, code: int, ten: Shell
) -> None:
    guarded(ten, **guardrails)
    declare(ten, changed=changed, region="us")
    assert ten("plan", "--detailed-exitcode").code == (2 if changed else 0), "a plan always shows all"
    assert ten("apply", "--yes").code == code


def test_a_percentage_of_detaches_is_of_attachments_as_they_were_applied_or_are_declared(ten: Shell) -> None:
    guarded(ten, maxDetaches="20%")
    declare(ten, attached=8)
    (limit,) = ten("plan", "--format", "json").json["guardrails"]["limits"]
    assert (limit["limit"], limit["of"], limit["allows"], limit["count"]) == ("20%", 10, 2, 2)
    declare(ten, attached=7)
    done = ten("apply", "--yes")
    assert done.code == 5
    assert "would detach 3 attachments, and environment 'default' allows 2 (20% of 10)" in done.err
    assert "--allow detaches=3" in done.err


def test_what_is_deleted_counts_as_a_change_and_each_word_lifts_its_own_limit(ten: Shell) -> None:
    guarded(ten, maxDeletes=0, maxDetaches=0, maxChanges=1)
    declare(ten, buckets=8, attached=8)
    planned = ten("plan", "--prune", "--format", "json").json["guardrails"]["limits"]
    assert [(each["guardrail"], each["allows"], each["count"]) for each in planned] == [
        ("maxDeletes", 0, 2), ("maxDetaches", 0, 2), ("maxChanges", 1, 3)
    ]  # fmt: skip
    said: list[str] = []
    for word in ("deletes=2", "detaches=2", "changes=3"):
        done = ten("apply", "--yes", "--prune", *said, *(("--reason", "meant") if said else ()))
        assert done.code == 5 and f"--allow {word}" in done.err
        said += ["--allow", word]
    done = ten("apply", "--yes", "--prune", *said, "--reason", "meant", "--receipt", "r.json")
    assert done.code == 0
    assert "Allowed this once: deletes=2, detaches=2, changes=3: meant" in done.out
    overrides = json.loads((ten.folder / "r.json").read_text())["overrides"]
    assert [(item["name"], item["value"], item["reason"]) for item in overrides] == [
        ("deletes", "2", "meant"), ("detaches", "2", "meant"), ("changes", "3", "meant"),
    ]  # fmt: skip
    assert "; allowed deletes=2, detaches=2, changes=3: meant" in ten("history").out
    for name in FORMATS["receipt"]:
        assert "meant" in ten("show", "r.json", "--format", name).out


@pytest.mark.parametrize("format_name", FORMATS["plan"])
def test_every_view_says_what_is_exceeded(format_name: str, ten: Shell) -> None:
    guarded(ten, maxChanges="10%", windows=[WORK], protect=["audit-*"])
    declare(ten, changed=5, region="us")
    out = ten("plan", "--format", format_name).out
    if format_name == "json":
        found = json.loads(out)["guardrails"]
        assert found["limits"] == [{"guardrail": "maxChanges", "limit": "10%", "of": 11, "allows": 2, "count": 5}]
        assert (found["windows"], found["protect"]) == ([[WORK]], ["audit-*"])
        return
    assert (
        "changes 5 (at most 2, 10%25 of 11" in out
        if format_name == "github"
        else "changes 5 (at most 2, 10% of 11" in out
    )
    assert "--allow changes=5" in out
    if format_name in ("text", "markdown", "html"):
        assert WORK in out and "audit-*" in out


def test_a_plan_that_says_that_there_is_more_lifts_no_percentage(ten: Shell) -> None:
    guarded(ten, maxChanges="20%")
    declare(ten, changed=4, region="us")
    assert ten("plan", "--out", "plan.json").code == 0
    plan = json.loads((ten.folder / "plan.json").read_text())
    plan["guardrails"] = {"limits": [], "extent": {"objects": 1000, "attachments": 1000}, "windows": [], "protect": []}
    plan["digest"] = digest(plan)
    (ten.folder / "plan.json").write_text(json.dumps(plan))
    done = ten("apply", "--plan", "plan.json", "--yes")
    assert done.code == 5 and "allows 3 (20% of 11)" in done.err


def test_a_saved_plan_is_held_to_what_is_declared_where_that_is_more_than_what_is_ours(ten: Shell) -> None:
    guarded(ten, maxChanges="20%")
    more = "---\n".join(BUCKET.replace("raw-aws", f"c{n}").replace("raw-events", f"c-{n}") for n in range(10))
    ten.write("manifests/more.yaml", more)
    declare(ten, changed=4, region="us")
    assert ten("plan", "--out", "plan.json", "--format", "json").json["guardrails"]["limits"][0]["allows"] == 5
    assert ten("apply", "--plan", "plan.json", "--yes").code == 0


PERCENT = st.integers(0, 100)


@given(PERCENT, st.integers(0, 10**6))
def test_a_percentage_allows_the_least_number_that_is_as_much(percent: int, of: int) -> None:
    allowed = allows(f"{percent}%", of)
    assert allowed * 100 >= percent * of > (allowed - 1) * 100 or allowed == percent * of == 0


LIMITS = st.lists(st.tuples(st.sampled_from(["maxDeletes", "maxDetaches", "maxChanges"]),
                            st.integers(0, 20) | PERCENT.map(lambda n: f"{n}%")), max_size=5)  # fmt: skip
OPERATIONS = st.lists(st.tuples(st.sampled_from(["create", "update", "delete"]), st.integers(0, 3)), max_size=12)


@given(LIMITS, LIMITS, OPERATIONS, st.integers(0, 30), st.integers(0, 30))
def test_limits_that_hold_together_refuse_what_either_refuses(
    mine: Any, other: Any, operations: Any, objects: int, attachments: int
) -> None:
    def refused(limits: Any) -> set[str]:
        found = limited(limits, count(operations), Extent(objects, attachments))
        return {each["guardrail"] for each in found if each["count"] > each["allows"]}

    one, two = Guardrails(tuple(mine)), Guardrails(tuple(other))
    assert refused(one.together(two)) == refused(one) | refused(two) == refused(two.together(one))


# Windows


@pytest.fixture
def timed(ten: Shell) -> Shell:
    """Applies run in a window, and there is something to do."""
    guarded(ten, windows=[WORK])
    declare(ten, changed=1, region="us")
    return ten


def on(shell: Shell, moment: str) -> Shell:
    shell.clock = CLOCK._replace(wall=lambda: datetime.fromisoformat(moment).timestamp())
    return shell


def test_an_apply_runs_in_its_window_and_outside_says_when_that_opens(timed: Shell) -> None:
    assert on(timed, OUTSIDE)("plan", "--detailed-exitcode").code == 2
    done = timed("apply", "--yes")
    assert done.code == 5
    assert f"applies to environment 'default' run {WORK}; the next window opens Mon 2026-11-30 08:00 CET" in done.err
    assert "--allow window" in done.err
    assert on(timed, INSIDE)("apply", "--yes").code == 0


def test_outside_of_it_an_operator_allows_an_apply_by_name_and_another_word_does_not(timed: Shell) -> None:
    on(timed, OUTSIDE)
    assert timed("apply", "--yes", "--allow", "changes=9", "--reason", "urgent").code == 5
    assert timed("apply", "--yes", "--allow", "window", "--reason", "urgent").code == 0
    assert timed("apply", "--yes").code == 0, "where nothing is to be done, nothing has to wait"


def test_the_time_of_a_plan_is_not_in_it(timed: Shell) -> None:
    first = on(timed, OUTSIDE)("plan", "--format", "json").out
    assert on(timed, INSIDE)("plan", "--format", "json").out == first


def test_without_a_time_zone_database_nothing_runs_that_may_be_outside(timed: Shell) -> None:
    on(timed, INSIDE)
    windows.zone_of.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()
    zoneinfo.reset_tzpath(to=[])
    try:
        if zoneinfo.available_timezones():
            pytest.skip("the package tzdata is installed, which is a database too")
        done = timed("apply", "--yes")
        assert done.code == 5 and "this machine has no time zone database" in done.err
        assert "time zone 'Europe/Berlin' cannot be looked up" in timed("validate").out
        write_guardrails(timed, windows=["Mon-Fri 08:00-18:00 UTC"])
        assert timed("plan").code == 0
    finally:
        zoneinfo.reset_tzpath()
        windows.zone_of.cache_clear()


@pytest.mark.parametrize(
    ("guardrails", "message"),
    [
        ({"windows": ["Mon-Fri 08:00-18:00 Europe/Berln"]}, "GW204: there is no time zone 'Europe/Berln'"),
        ({"windows": ["Mon 08:00-08:00 UTC"]}, "GW205: window 'Mon 08:00-08:00 UTC' never opens"),
        ({"windows": ["8-18h"]}, "GW205: spec.environments.default.guardrails.windows[0] '8-18h' breaks its pattern"),
        ({"windows": []}, "GW204"),
        ({"maxDeletes": "20"}, "GW205: spec.environments.default.guardrails.maxDeletes '20' breaks its pattern"),
        ({"maxDeletes": "101%"}, "GW205"), ({"maxChanges": True}, "GW203"), ({"maxChanges": -1}, "GW204"),
        ({"protect": ["Repositroy/prod-*"]}, "GW204: 'Repositroy/prod-*' protects nothing: no kind is called 'Repositroy'"),
        ({"protect": [""]}, "GW205"),
    ],
)  # fmt: skip
def test_guardrails_that_cannot_be_meant_are_findings_with_their_place(
    guardrails: dict[str, Any], message: str, shell: Shell
) -> None:
    shell.good()
    write_guardrails(shell, **guardrails)
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        done = shell(*command)
        assert done.code == 4
        assert message in done.out + done.err and "gatectl.yaml:1:" in done.out + done.err


def test_a_hint_says_how_a_guardrail_is_written(shell: Shell) -> None:
    shell.good()
    for field, value, hint in (
        ("windows", ["8-18h"], "days, times and a time zone: Mon-Fri 08:00-18:00 Europe/Berlin"),
        ("maxChanges", "some", 'a whole number, or a percentage: "20%"'),
        ("windows", ["Mon 08:00-18:00 europe/berlin"], "did you mean 'Europe/Berlin'?"),
        ("protect", ["Repositroy/a"], "did you mean 'Repository/a'?"),
    ):
        write_guardrails(shell, **{field: value})
        done = shell("validate")
        assert hint in done.out + done.err


# Whoever names the platform


def test_the_guardrails_of_every_environment_that_names_a_platform_hold_for_whoever_names_it(ten: Shell) -> None:
    database = f"sqlite:///{ten.folder}/.gatectl/platform.db"
    ten.write("gatectl.yaml", project(
        default={"platform": "embedded"}, prod={"platform": database, "guardrails": {"maxChanges": 0}},
    ))  # fmt: skip
    declare(ten, changed=1, region="us")
    done = ten("apply", "--yes", "--platform", database, *SEEN)
    assert done.code == 5 and "would update or delete 1 object" in done.err
