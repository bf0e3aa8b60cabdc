"""What a change of the project file cannot lift: `--guardrails-from`, and what an operator allows all the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.applying import stricter
from gatectl.applying.allowance import Allowance, parse_allowance
from gatectl.documents.limits import Guardrails
from gatectl.errors import UsageError
from gatectl.project import Environment, Project, bare_project
from gatectl.render import FORMATS

from .conftest import BUCKET, REPOSITORY, Shell

DETACHED = BUCKET + "---\n" + REPOSITORY.replace("resources:\n    - {type: S3, bucket: raw-events}", "resources: []")


def git(shell: Shell, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@x", *words],
        cwd=shell.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(shell: Shell) -> str:
    git(shell, "add", "-A")
    git(shell, "commit", "-qm", "x", "--allow-empty")
    return git(shell, "rev-parse", "HEAD")


def say(shell: Shell, rules: Any = None, exclude: Any = None, **environment: Any) -> None:
    spec = {"manifests": ["manifests"], "environments": {"default": {"platform": "embedded", **environment}}}
    spec |= {"rules": rules} if rules else {}
    spec |= {"exclude": exclude} if exclude else {}
    document = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme"}, "spec": spec}
    shell.write("gatectl.yaml", json.dumps(document))


@pytest.fixture
def base(shell: Shell) -> str:
    """A commit of guarded manifests that were applied; after it, the checkout detaches."""
    shell.good()
    shell.write(".gitignore", ".gatectl/\n*.json\n")
    say(shell, guardrails={"maxDetaches": 0, "maxDeletes": 0})
    git(shell, "init", "-q")
    found = commit(shell)
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/all.yaml", DETACHED)
    return found


def test_a_change_that_lifts_a_guardrail_is_held_to_the_one_before(shell: Shell, base: str) -> None:
    say(shell, guardrails={"maxDetaches": 10, "maxDeletes": 0})
    done = shell("apply", "--yes", "--guardrails-from", base, "--allow", "project", "--reason", "seen")
    assert done.code == 5
    assert "would detach 1 attachment, and environment 'default' allows 0" in done.err
    assert shell("apply", "--yes").code == 5, "without a commit to hold to, what was applied last holds too"


@pytest.mark.parametrize("lifted", [{}, {"guardrails": {}}, {"guardrails": {"maxDetaches": 1}}])
def test_however_a_guardrail_is_lifted_it_holds(lifted: dict[str, Any], shell: Shell, base: str) -> None:
    say(shell, **lifted)
    allowed = ("--allow", "project", "--reason", "seen")
    assert shell("apply", "--yes", "--guardrails-from", base, *allowed).code == 5
    assert shell("plan", "--detailed-exitcode", "--guardrails-from", base).code == 3, "a plan always shows all"


def test_nothing_is_done_where_the_project_file_is_gone_or_its_environment_has_another_name(
    shell: Shell, base: str
) -> None:
    allowed = ("--yes", "--guardrails-from", base, "--allow", "project", "--reason", "seen")
    text = (shell.folder / "gatectl.yaml").read_text()
    (shell.folder / "gatectl.yaml").unlink()
    gone = shell("apply", *allowed)
    assert gone.code == 4 and "GW507" in gone.out, "without its name it is not even the project that owns the objects"
    shell.write("gatectl.yaml", text.replace('"default"', '"other"').replace('"maxDetaches": 0', '"maxDetaches": 9'))
    renamed = shell("-e", "other", "apply", *allowed)
    assert renamed.code == 4 and "GW507" in renamed.out, "nor is another environment"


def test_a_stricter_guardrail_of_the_checkout_holds_too(shell: Shell, base: str) -> None:
    say(shell, guardrails={"maxDetaches": 5})
    later = commit(shell)
    say(shell, guardrails={"maxDetaches": 0})
    allowed = ("--allow", "project", "--reason", "seen")
    assert shell("apply", "--yes", "--guardrails-from", later, *allowed).code == 5


def test_a_saved_plan_is_held_as_well_and_what_is_allowed_once_passes(shell: Shell, base: str) -> None:
    say(shell)
    saved = ("apply", "--plan", "plan.json", "--yes", "--guardrails-from", base)
    assert shell("plan", "--out", "plan.json").code == 0
    assert shell(*saved, "--allow", "project", "--reason", "seen").code == 5
    assert shell(*saved, "--allow", "detaches=1", "--reason", "seen").code == 5
    both = ("--allow", "project", "--allow", "detaches=1", "--reason", "seen")
    done = shell(*saved, *both, "--format", "json")
    assert done.code == 0
    assert done.json["overrides"] == [
        {"name": "project", "value": None, "reason": "seen"}, {"name": "detaches", "value": "1", "reason": "seen"}
    ]  # fmt: skip


def test_a_plan_says_first_what_of_the_project_file_was_changed_and_its_apply_wants_that_allowed(
    shell: Shell, base: str
) -> None:
    shell.write(
        "manifests/all.yaml", f"{BUCKET}---\n{REPOSITORY}".replace("spec:\n  type", "spec:\n  region: x\n  type")
    )
    say(shell, rules={"GW307": "off"}, guardrails={"maxDetaches": 0}, workspace="default")
    done = shell("plan", "--guardrails-from", base, "--out", "plan.json", "--format", "text", "--format", "html=p.html",
                 "--format", "markdown=p.md", "--format", "json=p2.json")  # fmt: skip
    fields = ["rules", "environments.default.workspace", "environments.default.guardrails"]
    assert done.code == 0
    assert done.out.splitlines()[0] == (
        f"THE PROJECT FILE CHANGED since {base[:12]}: {', '.join(fields)}. An apply wants --allow project."
    )
    told = json.loads((shell.folder / "plan.json").read_text())["projectChanges"]
    assert told == {"since": base[:12], "fields": fields, "lines": dict.fromkeys(fields, 1)}
    for page in ("p.html", "p.md"):
        text = (shell.folder / page).read_text()
        assert all(field in text for field in fields)
        assert "allow project" in text
    refused = shell("apply", "--plan", "plan.json", "--yes")
    assert refused.code == 5, "the plan itself says so"
    assert ", ".join(sorted(fields)) in refused.err and "--allow project" in refused.err
    assert shell("apply", "--yes", "--guardrails-from", base).code == 5
    assert shell("apply", "--plan", "plan.json", "--yes", "--allow", "project", "--reason", "seen").code == 0


def test_formats_of_a_forge_show_at_its_line_what_of_the_project_file_was_changed(shell: Shell, base: str) -> None:
    shell.write("sub/manifests/all.yaml", DETACHED)
    text = "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: acme}\nspec:\n  manifests: [manifests]\n  environments:\n"
    shell.write(
        "sub/gatectl.yaml", text + "    default:\n      platform: embedded\n      guardrails: {maxDeletes: 0}\n"
    )
    before = commit(shell)
    shell.write(
        "sub/gatectl.yaml",
        text.replace("  env", "  rules: {GW307: off}\n  env") + "    default: {platform: embedded}\n",
    )
    files = ("--format", "sarif=p.sarif", "--format", "gitlab=p.gitlab.json", "--format", "junit=p.xml")
    options = ("--project", "sub/gatectl.yaml", "plan", "--guardrails-from", before, "--out", "plan.json")
    done = shell(*options, "--format", "github", *files)
    assert json.loads((shell.folder / "plan.json").read_text())["projectChanges"]["lines"] == {
        "rules": 6, "environments.default.guardrails": 8,
    }  # fmt: skip
    lines = done.out.splitlines()
    assert lines[0].startswith("::notice file=sub/gatectl.yaml,line=6,endLine=6,title=project-changed::")
    assert lines[0].endswith(
        f"apply: rules%0Ahint: it is not as commit {before[:12]} has it; an apply wants --allow project"
    )
    assert lines[1].startswith("::notice file=sub/gatectl.yaml,line=8,") and "default.guardrails" in lines[1]
    run = json.loads((shell.folder / "p.sarif").read_text())["runs"][0]
    told = [r for r in run["results"] if r["ruleId"] == "project-changed"]
    assert [(r["level"], _place(r)) for r in told] == [
        ("note", ("sub/gatectl.yaml", 6)),
        ("note", ("sub/gatectl.yaml", 8)),
    ]
    assert run["tool"]["driver"]["rules"][-1]["id"] == "project-changed"
    issues = json.loads((shell.folder / "p.gitlab.json").read_text())[:2]
    assert [(i["check_name"], i["severity"], i["location"]["lines"]["begin"]) for i in issues] == [
        ("project-changed", "info", 6), ("project-changed", "info", 8),
    ]  # fmt: skip
    assert len({i["fingerprint"] for i in issues}) == 2
    assert "sub/gatectl.yaml:6: notice project-changed: " in (shell.folder / "p.xml").read_text()
    assert shell("--project", "sub/gatectl.yaml", "show", "plan.json", "--format", "github").out == done.out


def _place(result: Any) -> tuple[str, int]:
    found = result["locations"][0]["physicalLocation"]
    return found["artifactLocation"]["uri"], found["region"]["startLine"]


@pytest.mark.parametrize("format_name", FORMATS["plan"])
def test_every_format_of_a_plan_says_what_of_the_project_file_was_changed(
    format_name: str, shell: Shell, base: str
) -> None:
    say(shell, rules={"GW307": "error"})
    done = shell("plan", "--guardrails-from", base, "--format", format_name)
    assert all(text in done.out for text in ("default.guardrails", "rules", base[:12]))


def test_a_project_file_that_says_the_same_is_no_change_however_it_is_written(shell: Shell, base: str) -> None:
    before = shell("plan", "--format", "json").json
    text = (shell.folder / "gatectl.yaml").read_text()
    shell.write("gatectl.yaml", "# another comment\n" + json.dumps(json.loads(text), indent=4))
    planned = shell("plan", "--format", "json", "--guardrails-from", base).json
    assert "projectChanges" not in planned
    assert planned["fingerprint"] == before["fingerprint"]


# Rules


COLLISION = """apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: one}
spec: {type: S3, bucket: same}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: two}
spec: {type: GCS, bucket: same}
"""


@pytest.mark.parametrize(
    ("before", "now", "code", "found"),
    [("error", "off", 4, "error"), ("error", None, 4, "error"), (None, "off", 0, "warning"), ("warning", "off", 0, "warning"),
     ("off", "off", 0, None), (None, "error", 4, "error"), ("off", None, 0, "warning"), ("off", "warning", 0, "warning")],
)  # fmt: skip
def test_a_rule_has_the_stricter_setting_of_both(
    before: str | None, now: str | None, code: int, found: str | None, shell: Shell
) -> None:
    shell.write("manifests/all.yaml", COLLISION)
    say(shell, rules={"GW307": before} if before else None)
    git(shell, "init", "-q")
    base = commit(shell)
    say(shell, rules={"GW307": now} if now else None)
    done = shell("validate", "--format", "json", "--guardrails-from", base)
    assert done.code == code
    assert {f["severity"] for f in done.json["findings"] if f["rule"] == "GW307"} == ({found} if found else set())


SETTINGS = st.dictionaries(st.sampled_from(["GW205", "GW305", "GW307"]), st.sampled_from(["error", "warning", "off"]))
LIMITS = st.none() | st.integers(0, 9)


@given(SETTINGS, SETTINGS, st.sampled_from(["error", "warning"]))
def test_no_setting_of_either_side_makes_a_finding_milder_than_the_other_would(
    mine: Any, other: Any, default: str
) -> None:
    order = ["off", "warning", "error"]
    held = stricter.stricter_checks(with_rules(mine), with_rules(other)).rules
    for rule in ("GW205", "GW305", "GW307"):
        severity = order.index(held.get(rule, default))
        assert severity == max(order.index(side.get(rule, default)) for side in (mine, other))


def at_most(number: int | None) -> Guardrails:
    return Guardrails() if number is None else Guardrails((("maxDeletes", number),))


def with_rules(rules: Any) -> Project:
    return bare_project(Path())._replace(rules=rules)


@given(LIMITS, LIMITS, LIMITS)
def test_the_least_guardrail_holds_of_the_name_and_of_the_platform(mine: Any, same: Any, other: Any) -> None:
    base = bare_project(Path())._replace(environments={
        "prod": Environment("prod", "https://old.example", guardrails=at_most(same)),
        "twin": Environment("twin", "https://p.example", guardrails=at_most(other)),
        "dev": Environment("dev", "embedded", guardrails=at_most(0)),
    })  # fmt: skip
    _, held = stricter.stricter(
        bare_project(Path()), Environment("prod", "https://p.example", guardrails=at_most(mine)), base
    )
    said = [n for n in (mine, same, other) if n is not None]
    assert min(held.guardrails.of("maxDeletes"), default=None) == min(said, default=None)


# What is excluded, and what may be dropped


@pytest.fixture
def hidden(shell: Shell) -> str:
    """A commit that excludes `old/`; after it, the checkout has a broken manifest besides, and excludes that too."""
    shell.good()
    shell.write(".gitignore", ".gatectl/\n*.json\n")
    shell.write("manifests/old/chart.yaml", "kind: Chart")
    say(shell, exclude=["old/"])
    git(shell, "init", "-q")
    found = commit(shell)
    shell.write("manifests/new.yaml", "kind: Nonsense")
    say(shell, exclude=["old/", "new.yaml"])
    return found


def test_what_a_commit_does_not_exclude_is_checked_whatever_the_change_excludes(shell: Shell, hidden: str) -> None:
    assert shell("validate").code == 0, "without a commit to hold to, the checkout's own holds"
    done = shell("validate", "--format", "json", "--guardrails-from", hidden)
    assert done.code == 4
    assert {f["file"] for f in done.json["findings"]} == {"manifests/new.yaml"}
    assert f"the project file was changed since {hidden[:12]}: exclude" in done.err
    assert shell("plan", "--guardrails-from", hidden).code == 4
    assert shell("validate", "--guardrails-from", hidden, "--against", "HEAD").code == 4


def test_what_a_commit_does_not_exclude_is_checked_in_a_merge_too(shell: Shell, hidden: str) -> None:
    (shell.folder / "manifests/new.yaml").unlink()
    git(shell, "checkout", "-qb", "other")
    shell.write("manifests/new.yaml", "kind: Nonsense")
    shell.write("manifests/old/more.yaml", "kind: Nonsense")
    commit(shell)
    git(shell, "checkout", "-q", "-")
    say(shell, exclude=["old/", "new.yaml"])
    assert shell("validate", "--against", "other").code == 0
    done = shell("validate", "--against", "other", "--guardrails-from", hidden, "--format", "json")
    assert {f["file"] for f in done.json["findings"]} == {"manifests/new.yaml"}


def test_what_only_the_commit_excluded_is_checked_too(shell: Shell, hidden: str) -> None:
    (shell.folder / "manifests/new.yaml").unlink()
    say(shell, exclude=["new.yaml"])
    done = shell("validate", "--format", "json", "--guardrails-from", hidden)
    assert {f["file"] for f in done.json["findings"]} == {"manifests/old/chart.yaml"}


def test_a_project_file_that_is_new_excludes_nothing_yet(shell: Shell, hidden: str) -> None:
    git(shell, "rm", "-q", "--cached", "gatectl.yaml")
    git(shell, "-c", "user.name=x", "commit", "-qm", "x")
    done = shell("validate", "--format", "json", "--guardrails-from", "HEAD")
    assert {f["file"] for f in done.json["findings"]} == {"manifests/new.yaml", "manifests/old/chart.yaml"}


def test_what_the_operator_allows_holds_as_the_project_file_says_it(shell: Shell, hidden: str) -> None:
    apply = ("apply", "--yes", "--guardrails-from", hidden)
    assert shell(*apply).code == 4
    assert shell(*apply, "--allow", "deletes=3", "--reason", "seen").code == 4, "that is another word"
    assert shell(*apply, "--allow", "project", "--reason", "seen").code == 0


def test_rules_hold_as_the_project_file_says_them_once_the_operator_allows_that_but_limits_do_not() -> None:
    mine, base = with_rules({"GW307": "off"}), with_rules({"GW307": "error"})
    base = base._replace(environments={"prod": Environment("prod", "embedded", guardrails=at_most(0))})
    prod = Environment("prod", "embedded")
    held, environment = stricter.stricter(mine, prod, base, Allowance(frozenset({"project"}), reason="seen"))
    assert (held.rules, environment.guardrails) == ({"GW307": "off"}, at_most(0))
    assert stricter.stricter(mine, prod, base)[0].rules == {"GW307": "error"}


def test_a_saved_plan_has_read_what_the_commit_does_not_exclude(shell: Shell, hidden: str) -> None:
    shell.write("manifests/new.yaml", BUCKET.replace("raw-aws", "more").replace("raw-events", "more-events"))
    planned = shell("plan", "--format", "json", "--guardrails-from", hidden).json
    assert "more" in {operation["name"] for operation in planned["operations"]}
    assert planned["projectChanges"]["fields"] == ["exclude"]
    assert "more" not in {o["name"] for o in shell("plan", "--format", "json").json["operations"]}


def test_several_projects_are_each_held_to_their_own_file_of_the_commit(shell: Shell) -> None:
    for folder in ("a", "b"):
        shell.write(f"{folder}/manifests/all.yaml", BUCKET)
        shell.write(f"{folder}/manifests/x.yaml", "kind: Nonsense")
        shell.write(f"{folder}/gatectl.yaml", PROJECT.format(exclude=["x.yaml"] if folder == "a" else []))
    git(shell, "init", "-q")
    before = commit(shell)
    shell.write("b/gatectl.yaml", PROJECT.format(exclude=["x.yaml"]))
    assert shell("validate").code == 0
    done = shell("validate", "--format", "json", "--guardrails-from", before)
    assert {f["file"] for f in done.json["findings"]} == {"b/manifests/x.yaml"}


PROJECT = """apiVersion: gatectl.io/v1
kind: Project
metadata: {{name: x}}
spec: {{manifests: [manifests], exclude: {exclude}}}
"""


def test_patterns_of_a_project_file_that_lay_above_are_relative_to_where_it_lay(shell: Shell) -> None:
    shell.write("p/manifests/all.yaml", BUCKET)
    for name in ("x", "y"):
        shell.write(f"p/manifests/{name}.yaml", "kind: Nonsense")
    shell.write("gatectl.yaml", PROJECT.format(exclude=["/p/manifests/x.yaml"]))
    git(shell, "init", "-q")
    before = commit(shell)
    (shell.folder / "gatectl.yaml").unlink()
    shell.write("p/gatectl.yaml", PROJECT.format(exclude=["/manifests/x.yaml", "/manifests/y.yaml"]))
    options = ("--project", "p/gatectl.yaml", "validate", "--format", "json")
    assert shell(*options).code == 0
    done = shell(*options, "--guardrails-from", before)
    assert {f["file"] for f in done.json["findings"]} == {"p/manifests/y.yaml"}


def test_a_project_that_is_reached_by_a_link_excludes_what_it_excluded(shell: Shell) -> None:
    shell.write("p/manifests/all.yaml", BUCKET)
    shell.write("p/manifests/x.yaml", "kind: Nonsense")
    shell.write("p/gatectl.yaml", PROJECT.format(exclude=["/manifests/x.yaml"]))
    (shell.folder / "link").symlink_to("p")
    git(shell, "init", "-q")
    before = commit(shell)
    assert shell("--project", "link/gatectl.yaml", "validate", "--guardrails-from", before).code == 0


@given(st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc")) | st.none())
def test_dropped_may_be_what_every_environment_of_the_name_or_the_platform_knew(
    mine: Any, same: Any, twin: Any
) -> None:
    prod = Environment("prod", "https://p.example", known=tuple(sorted(mine)))
    before = {"prod": prod._replace(known=tuple(same), platform="https://old.example")}
    before |= {} if twin is None else {"twin": prod._replace(name="twin", known=tuple(twin))}
    base = bare_project(Path())._replace(environments=before)
    _, held = stricter.stricter(bare_project(Path()), prod, base)
    assert set(held.known) == mine & same & (mine if twin is None else twin)
    _, new = stricter.stricter(bare_project(Path()), prod, bare_project(Path()))
    assert new.known == ()
    seen = Allowance(frozenset({"project"}), reason="seen")
    assert stricter.stricter(bare_project(Path()), prod, base, seen)[1].known == prod.known


# What is no such commit, and what is allowed


def test_what_is_no_commit_is_wrong_usage_and_what_was_not_valid_there_stops(shell: Shell, base: str) -> None:
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        assert shell(*command, "--guardrails-from", "nosuch").code == 64
        assert shell(*command, "--guardrails-from", "").code == 64
    text = (shell.folder / "gatectl.yaml").read_text()
    shell.write("gatectl.yaml", "kind: [")
    broken = commit(shell)
    shell.write("gatectl.yaml", text)
    done = shell("plan", "--guardrails-from", broken)
    assert done.code == 1
    assert "is not valid" in done.err and broken[:12] in done.err


def test_outside_of_a_checkout_there_is_nothing_to_hold_to(shell: Shell) -> None:
    assert shell.good()("plan", "--guardrails-from", "HEAD").code == 64


def test_a_commit_without_a_project_file_guards_nothing_and_all_of_the_new_one_is_new(shell: Shell) -> None:
    shell.write("manifests/all.yaml", BUCKET)
    git(shell, "init", "-q")
    before = commit(shell)
    say(shell)
    planned = shell("plan", "--format", "json", "--guardrails-from", before).json
    assert planned["projectChanges"]["fields"] == ["manifests", "environments.default.platform"]


def test_the_project_file_is_found_where_it_lies_below_the_top(shell: Shell) -> None:
    for folder in ("a", "b"):
        shell.write(f"{folder}/manifests/all.yaml", DETACHED)
    text = json.dumps({"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "x"}, "spec": {
        "manifests": ["manifests"], "environments": {"default": {"platform": "embedded", "guardrails": {"maxDeletes": 0}}}}})  # fmt: skip
    shell.write("a/gatectl.yaml", text)
    git(shell, "init", "-q")
    before = commit(shell)
    shell.write("a/gatectl.yaml", text.replace('"maxDeletes": 0', '"maxDeletes": 1'))
    planned = shell("--project", "a/gatectl.yaml", "plan", "--format", "json", "--guardrails-from", before).json
    assert planned["projectChanges"]["fields"] == ["environments.default.guardrails"]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [(("project",), None), (("project",), " "), (("deletes",), "x"), (("deletes=-1",), "x"), (("deletes=x",), "x"),
     (("all",), "x"), (("deletes=1\n",), "x"), ((), "x"), (("project=1",), "x"), (("window=1",), "x"), (("changes",), "x"),
     (("deletes=٣",), "x")],
)  # fmt: skip
def test_what_cannot_be_allowed_is_wrong_usage(texts: tuple[str, ...], reason: str | None) -> None:
    with pytest.raises(UsageError):
        parse_allowance(texts, reason)


def test_what_was_allowed_is_kept_with_its_reason() -> None:
    allowed = parse_allowance(("deletes=2", "window", "project", "deletes=3", "changes=0"), "moved")
    assert [(said["name"], said["value"], said["reason"]) for said in allowed.overrides()] == [
        ("project", None, "moved"), ("window", None, "moved"), ("deletes", "3", "moved"), ("changes", "0", "moved"),
    ]  # fmt: skip
    assert parse_allowance((), None).overrides() == []
