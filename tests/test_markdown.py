"""Markdown for reviews: what is always shown, what a budget does to the rest, and that no name becomes markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gatectl.quote import safe
from gatectl.render import render
from gatectl.render.interface import Look
from gatectl.render.markdown import MINIMUM, code, size
from sites import Site, bucket, entry, repository, workspace

FINGERPRINT = "sha256:" + "a" * 64
SENTINEL = "☃"
"""In every value that is not ours: wherever it shows up, no markup may be read."""

TAGS = {"details", "summary", "table", "tr", "th", "td", "code", "br"}

NASTY = (
    "`", "``", "```", "~~~", "|", "\\", "\\|", "<", ">", "&", "&lt;", "*", "**", "_", "@team", "#1", "[x](http://evil)", "![i](u)",
    "</details>", "</code>", "</summary>", "<!-- gatectl: previous -->", "-->", "<script>", "<img src=x>", "http://e.vil", "www.e.vil",
    "a@b.co", "\n", "\r\n", "\n\n", "\n# h", "\n```\n", "\u202e",
    "\u2028", "\x1b[2J", "\x00", "\ud800", "é", "😀", " ", "  ", "\t", "'", '"', "{", "$x$",
)  # fmt: skip
names = st.lists(st.sampled_from(NASTY) | st.characters(), max_size=12).map(
    lambda parts: f"{''.join(parts)}{SENTINEL}"[-128:]
)


def resource(**names_: str) -> dict[str, Any]:
    return {"type": "S3", **names_, "label": None, "id": None, "folder": None, "master": False}


def operation(
    name: str, action: str = "create", kind: str = "Bucket", workspace_: str | None = "w", **more: Any
) -> dict[str, Any]:
    found = {
        "id": f"{kind.lower()}/{workspace_}/{name}", "action": action, "kind": kind, "workspace": workspace_, "name": name,
        "platformId": None, "reason": "differs from its manifest", "risk": "none", "dependsOn": [], "attach": [], "detach": [], "keep": [],
        "fields": [], "pre": {"exists": False, "hash": None}, "post": {"hash": None}, "source": None,
    } | more  # fmt: skip
    destructive = action == "delete" or found["detach"]
    return found | {"risk": "destructive" if destructive else found["risk"]}


def selection(**only: Any) -> dict[str, Any]:
    return {"paths": [], "selector": None, "targets": [], "since": None, "partial": True} | only


def document(
    *operations: Mapping[str, Any], url: str = "embedded", spaces: Any = ("w",), findings: Any = (), **more: Any
) -> dict[str, Any]:
    counts = {action: sum(op["action"] == action for op in operations) for action in ("create", "update", "delete")}
    counts |= {verb: sum(len(op[verb]) for op in operations) for verb in ("attach", "detach")}
    return {
        "formatVersion": "1.1", "target": {"driver": "embedded", "url": url, "instance": None, "workspaces": list(spaces)},
        "selection": selection(partial=False),
        "source": {"commit": None, "dirty": None, "inputs": []}, "summary": {**counts, "unchanged": 0, "unmanaged": 0},
        "operations": list(operations), "adopts": [], "kept": [], "unmanaged": [], "diagnostics": list(findings),
        "fingerprint": FINGERPRINT, "digest": FINGERPRINT,
    } | more  # fmt: skip


def finding(message: str, **more: Any) -> dict[str, Any]:
    return {"rule": "GW307", "severity": "warning", "message": message, "hint": None, "file": "a.yaml", "line": 1, "column": 2,
            "endLine": 1, "endColumn": 3, "path": None, "manifest": None, "related": []} | more  # fmt: skip


def shown(plan: Mapping[str, Any], budget: int = 65_536, environment: str = "prod") -> str:
    return render(plan, "markdown", Look(budget=budget, environment=environment))


# --- reading it as a code host does ------------------------------------------------------------------------------------


class Inside(HTMLParser):
    """What of a block of HTML is code, what is text, and which tags there are."""

    def __init__(self, block: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.code: list[str] = []
        self.text: list[str] = []
        self._within = False
        self.feed(block)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        assert attrs in ([], [("open", None)])
        if tag == "code":
            self._within = True
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        self.tags.add(tag)
        self._within = self._within and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._within:
            self.code[-1] += data
        else:
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


class Read:
    """Markdown as a CommonMark parser reads it: pieces of code, and the text outside of them."""

    def __init__(self, text: str) -> None:
        self.code: list[str] = []
        self.text: list[str] = []
        for token in tokens(text):
            assert token.type not in ("link_open", "image", "html_inline", "blockquote_open", "hr", "code_block"), token
            if token.type in ("fence", "code_inline"):
                self.code.append(token.content)
            elif token.type == "html_block":
                inside = Inside(token.content)
                assert inside.tags <= TAGS
                self.code += inside.code
                self.text += inside.text
            elif token.type == "text":
                self.text.append(token.content)

    def says(self, value: str) -> bool:
        return any(safe(value) in piece for piece in self.code)


def tokens(text: str) -> Iterator[Any]:
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield from [token] if token.children is None else token.children


def balanced(text: str) -> bool:
    blocks = "".join(token.content for token in tokens(text) if token.type == "html_block")
    return blocks.count("<details") == blocks.count("</details>")


# --- what a reviewer sees ----------------------------------------------------------------------------------------------


def test_a_plan_shows_numbers_then_what_is_destroyed_then_the_rest_folded(site: Site) -> None:
    raw = site.live_bucket("raw", ("S3", "raw"), region="eu-west-1")
    old = site.live_bucket("old", ("GCS", "old"))
    site.live_repository("exact", {"bucketId": raw, "folder": "a"}, {"bucketId": old, "folder": "b"})
    site.manifests(
        workspace("analytics"),
        bucket("raw", ("S3", "raw"), region="eu-central-1"),
        repository("exact", [entry("S3", "raw", folder="a")], policy="Exact"),
        repository("new", [entry("S3", "raw", folder="z")]),
    )
    plan = site.plan()
    assert shown(plan).replace(plan["fingerprint"], "sha256:…") == """\
## Plan for `prod`

**⚠️ 4 operations: detaches 1 attachment.**

- Target: `embedded (.gatectl/platform.db)`, 1 workspace: `default`
- Fingerprint: `sha256:…`

|create|update|delete|attach|detach|unchanged|unmanaged|
|--:|--:|--:|--:|--:|--:|--:|
|2|2|0|1|1|0|1|

1 live object not managed

### Deletes and detaches

```diff
! update Repository default/exact  # manifests/all.yaml:5
#     adopts a live object that this project never applied; differs from its manifest
-     GCS old, folder b
```

<details open><summary>Workspace: 1 to create</summary>

```diff
+ create Workspace analytics  # manifests/all.yaml:1
```

</details>

<details open><summary>Bucket in <code>default</code>: 1 to update</summary>

```diff
! update Bucket default/raw  # manifests/all.yaml:3
#     adopts a live object that this project never applied; differs from its manifest
!     region: eu-west-1 → eu-central-1
```

</details>

<details open><summary>Repository in <code>default</code>: 1 to create</summary>

```diff
+ create Repository default/new (S3 Normal)  # manifests/all.yaml:7
+     S3 raw, folder z
```

</details>"""  # fmt: skip


def test_nothing_to_do_is_said_in_words() -> None:
    assert "**Nothing to do: the platform is as the manifests say.**" in shown(document())


def test_a_commit_and_its_uncommitted_changes_are_named() -> None:
    plan = document(source={"commit": "0123456789abcdef", "dirty": True, "inputs": []})
    assert "- Commit: `0123456789ab` and uncommitted changes\n" in shown(plan)


def test_a_plan_of_a_part_or_of_a_snapshot_says_so() -> None:
    since = {"ref": "main", "commit": "0123456789abcdef", "touched": 3, "of": 500, "removed": [{}, {}]}
    text = shown(
        document(selection=selection(since=since), snapshot={"takenAt": "2026-01-02T03:04:05Z", "digest": FINGERPRINT})
    )
    assert "as the chosen manifests say" in text
    assert (
        "**Partial:** only of changes since `main (0123456789ab)`, 3 of 500 objects; 2 declared no more, and not deleted."
        in text
    )
    assert "**From a snapshot:** the platform as it was at `2026-01-02T03:04:05Z`." in text


def test_an_invalid_plan_shows_its_findings_with_the_errors_first() -> None:
    error = finding("two | names", severity="error", rule="GW301", hint="rename",
                    related=[{"file": "b.yaml", "line": 3, "column": 1, "message": "here"}])  # fmt: skip
    text = shown(document(findings=[finding("unusual"), error]))
    assert "**No plan: 1 error.**" in text
    assert text.index("GW301") < text.index("GW307")
    read = Read(text)
    for value in ("two | names", "a.yaml:1:2", "rename", "b.yaml:3:1", "here"):
        assert read.says(value)


def test_the_same_plan_gives_the_same_text() -> None:
    plan = document(*(operation(f"b{n}") for n in range(50)), operation("x", "delete"))
    assert shown(plan, 3_000) == shown(plan, 3_000)


# --- budgets -----------------------------------------------------------------------------------------------------------


def estate(count: int, deletes: int, letter: str = "n") -> dict[str, Any]:
    """Many creations, and deletions at the end, as a plan orders them."""
    creates = [operation(f"{letter * 20}-{n}", fields=[{"path": "/spec/region", "before": None, "after": "eu"},
               {"path": "/spec/endpoint", "before": None, "after": f"https://{letter * 30}"}]) for n in range(count)]  # fmt: skip
    return document(*creates, *(operation(f"gone-{letter * 8}-{n}-", "delete") for n in range(deletes)))


@pytest.mark.parametrize("letter", ["n", "é", "😀", "`", "|"])
@pytest.mark.parametrize("budget", [1_000, 65_535, 65_536, 1_000_000])
def test_the_budget_is_kept_and_summary_and_deletes_are_whole(budget: int, letter: str) -> None:
    for count, deletes in ((0, 3), (3, 3), (300, 50), (9_000, 300)):
        text = shown(estate(count, deletes, letter), budget)
        assert len((text + "\n").encode()) <= budget
        assert f"|{count:,}|0|{deletes:,}|0|0|0|0|" in text
        if budget > 1_000 or (deletes == 3 and letter != "😀"):
            assert all(f"gone-{letter * 8}-{n}-" in text for n in range(deletes))
            assert "NOT LISTED" not in text
        assert balanced(text)


def test_with_room_all_is_shown_and_with_less_each_operation_keeps_a_line_and_with_little_the_rest_is_counted() -> None:
    plan = estate(200, 1)
    whole, lines, counted = shown(plan), shown(plan, 20_000), shown(plan, 5_000)
    assert whole.count("endpoint: https://") == 200
    assert lines.count("+ create Bucket") == 200 and "endpoint: https://" not in lines
    listed = counted.count("+ create Bucket")
    assert 0 < listed < 200
    assert counted.endswith(f"… and {200 - listed} more operations; see the full plan")


def test_groups_that_fit_are_whole_beside_groups_that_do_not() -> None:
    small = operation(
        "small", kind="LLM", fields=[{"path": "/spec/endpoint", "before": None, "after": "https://small"}]
    )
    big = estate(100, 0)["operations"]
    text = shown(document(small, *big), 12_000)
    assert "https://small" in text
    assert text.count("+ create Bucket") == 100


def test_destructive_operations_without_room_keep_a_line_and_then_are_counted_loudly() -> None:
    detaching = [
        operation(f"r{n}", "update", "Repository", detach=[resource(bucket=f"bucket-{m}") for m in range(50)])
        for n in range(30)
    ]
    text = shown(document(*detaching), 4_000)
    assert text.count("- update Repository w/r") == 30
    assert "detach 50" in text and "NOT LISTED" not in text
    text = shown(document(*detaching), 1_200)
    listed = text.count("- update Repository w/r")
    assert 0 < listed < 30
    assert f"⚠️ **{30 - listed} of 30 that delete or detach ARE NOT LISTED" in text


def test_a_plan_that_plays_its_deletions_down_does_not_hide_them() -> None:
    text = shown(document(operation("gone", "delete") | {"risk": "none"}))
    assert "### Deletes and detaches\n\n```diff\n- delete Bucket w/gone\n" in text


def test_deletes_come_before_detaches() -> None:
    detach = operation("r", "update", "Repository", detach=[resource(bucket="b")])
    text = shown(document(detach, operation("gone", "delete")))
    assert text.index("delete Bucket w/gone") < text.index("update Repository w/r")


def test_findings_that_do_not_fit_are_counted() -> None:
    text = shown(document(findings=[finding("x" * 200, severity="error") for _ in range(100)]), 3_000)
    rows = text.count("<tr><td>error")
    assert f"… and {100 - rows} more findings" in text


def test_a_budget_below_the_minimum_is_the_minimum() -> None:
    assert shown(estate(100, 2), 1) == shown(estate(100, 2), MINIMUM)


@settings(max_examples=30)
@given(url=names, environment=names, spaces=st.lists(names, max_size=40), budget=st.sampled_from([1_000, 1_500, 65_536]),
       deletes=st.integers(0, 20), creates=st.integers(0, 20), name=names)  # fmt: skip
@example(
    url="`" * 5_000,
    environment="`" * 200,
    spaces=["`" * 128] * 9,
    budget=1_000,
    deletes=20,
    creates=20,
    name="😀" * 128,
)
def test_whatever_things_are_called_the_budget_is_kept_and_the_numbers_are_there(
    url: str, environment: str, spaces: list[str], budget: int, deletes: int, creates: int, name: str
) -> None:
    ops = [operation(f"{name}{n}") for n in range(creates)] + [
        operation(f"{name}{n}", "delete") for n in range(deletes)
    ]
    counts = {"commit": "a" * 40, "dirty": True, "inputs": []}
    since = {"ref": name, "commit": "a" * 40, "touched": 123_456, "of": 123_456, "removed": [{}] * 123_456}
    only = selection(since=since, selector=name, targets=[name] * 9, paths=[name] * 9)
    remarks = {"selection": only, "snapshot": {"takenAt": "2026-01-02T03:04:05.678901+00:00", "digest": FINGERPRINT}}
    items = [{"kind": "Bucket", "workspace": "w", "name": "n", "platformId": "p"}] * 123_456
    kept = [{"workspace": "w", "name": "r", "attachments": [resource(bucket="b")]}] * 123_456
    plan = document(*ops, url=url, spaces=spaces, source=counts, adopts=items, unmanaged=items, kept=kept, **remarks)
    text = shown(plan, budget, environment)
    assert size(text) + 1 <= budget
    assert f"|{creates}|0|{deletes}|0|0|0|0|" in text
    assert f"- Fingerprint: `{FINGERPRINT}`" in text
    listed = sum(line.startswith("- delete ") for line in text.splitlines())
    assert listed == deletes or f"**{deletes - listed} of {deletes} that delete or detach ARE NOT LISTED" in text


# --- no name becomes markup --------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(name=names, other=names)
@example(name=f"```{SENTINEL}", other=f"</details>\n\n# h{SENTINEL}")
@example(name=f"`` ` {SENTINEL}`", other=f" `{SENTINEL}` ")
def test_a_name_is_text_wherever_it_stands(name: str, other: str) -> None:
    item = resource(bucket=other) | {"label": name, "folder": other}
    source = {"file": name, "line": 1, "column": 1}
    field = {"path": f"/spec/{other}", "before": name, "after": other}
    ops = [
        operation(name, workspace_=other, source=source, fields=[field]),
        operation(name, "update", "Repository", other, attach=[item], keep=[item], fields=[field]),
        operation(name, "update", "LLM", name, fields=[{"path": "/spec/credentials", "before": None, "after": {name: {other: name}}}]),
        operation(other, "update", "Repository", name, detach=[item]),
        operation(other, "delete", workspace_=name, reason=name),
        operation(name, kind=name, reason=""),
        operation(name, "update", kind=other, reason=""),
    ]  # fmt: skip
    related = [{"file": other, "line": 1, "column": 1, "message": name}]
    partial = {"since": name, "commit": "a" * 40, "touched": 1, "of": 1, "removed": []}
    plan = document(
        *ops,
        url=name,
        spaces=[other],
        partial=partial,
        findings=[finding(name, hint=other, file=name, related=related)],
    )
    text = shown(plan, 1_000_000, environment=other)
    read = Read(text)
    assert read.says(name) and read.says(other)
    assert SENTINEL not in "".join(read.text)
    assert sum(piece.count(SENTINEL) for piece in read.code) >= 25
    assert balanced(text) and safe(text.replace("\n", "")) == text.replace("\n", "")
    assert [t.tag for t in tokens(text) if t.type == "heading_open"] == ["h2", "h3"]


@settings(max_examples=100)
@given(name=names, limit=st.none() | st.integers(48, 200))
def test_a_code_span_is_one_and_holds_its_value(name: str, limit: int | None) -> None:
    (inline,) = [t for t in MarkdownIt("commonmark").parse(f"x {code(name, limit)} y") if t.type == "inline"]
    assert [t.type for t in inline.children or ()] == ["text", "code_inline", "text"]
    content = (inline.children or [])[1].content
    assert content == safe(name) or (content.endswith("…") and safe(name).startswith(content[:-1]))
    if limit is not None:
        assert size(code(name, limit)) <= limit
    else:
        assert content == safe(name)


# --- receipts ----------------------------------------------------------------------------------------------------------


def receipt(converged: bool, *outcomes: tuple[str, str, str | None]) -> dict[str, Any]:
    statuses = ("done", "already", "conflict", "failed", "blocked", "not-started", "unknown")
    listed = [{"id": i, "status": s, "platformId": None, "attempts": 1, "error": {"code": "NO", "message": m} if m is not None else None}
              for i, s, m in outcomes]  # fmt: skip
    return {"formatVersion": "1.0", "fingerprint": FINGERPRINT, "outcomes": listed, "converged": converged, "diagnostics": [],
            "summary": {s: sum(o["status"] == s for o in listed) for s in statuses}}  # fmt: skip


def told(document_: Mapping[str, Any], budget: int = 65_536) -> str:
    return render(document_, "markdown", Look(budget=budget, environment="prod"))


def test_a_receipt_says_what_went_wrong_and_folds_what_went_well() -> None:
    text = told(
        receipt(False, ("bucket/w/a", "done", None), ("bucket/w/b", "failed", "no|no"), ("bucket/w/c", "blocked", None))
    )
    assert (
        text
        == f"""\
## Apply to `prod`

**⚠️ Not converged.**

- Fingerprint: `{FINGERPRINT}`

|done|already|conflict|failed|blocked|not-started|unknown|
|--:|--:|--:|--:|--:|--:|--:|
|1|0|0|1|1|0|0|

```diff
- bucket/w/b: failed: NO: no|no
! bucket/w/c: blocked
```

<details><summary>1 as wanted</summary>

```diff
+ bucket/w/a: done
```

</details>

Next: mend what failed, then apply again: what is done is not done twice."""
    )
    assert "**Applied: all reads back as wanted.**" in told(receipt(True, ("a", "done", None)))
    assert "**Nothing to do.**" in told(receipt(True))


@settings(max_examples=50)
@given(name=names, count=st.integers(0, 60), budget=st.sampled_from([1_000, 2_000, 65_536]))
def test_a_receipt_keeps_its_budget_and_lets_no_name_out(name: str, count: int, budget: int) -> None:
    outcomes = [(f"{name}{n}", ("done", "failed", "unknown")[n % 3], name if n % 3 else None) for n in range(count)]
    twins = [{"id": name, "deleted": name, "kept": name}] * (count // 3)
    text = told({**receipt(False, *outcomes), "settled": twins}, budget)
    assert size(text) + 1 <= budget
    assert SENTINEL not in "".join(Read(text).text)
    assert balanced(text)
