"""Live objects as manifests: they validate, they plan to nothing, and what cannot be said is a comment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import event, given

from gatectl import export as exporter
from gatectl import reconcile
from gatectl.kinds import KINDS
from gatectl.manifests import loading, sources, validate
from gatectl.planning.current import read_current, read_workspaces
from gatectl.records import read_records
from sites import ENVIRONMENT, Site, assert_empty, rules
from strategies import Case, cases
from test_properties import examples, made

CHECKER = validate.make_checker({kind.name: sources.read_schema(kind.schema) for kind in KINDS.values()})


def exported(site: Site) -> list[exporter.Exported]:
    reader = site.reader()
    try:
        visible = read_workspaces(reader)
        return exporter.export(read_current(reader, sorted(visible.by_name), visible), CHECKER)
    finally:
        reader.close()


def planned(site: Site, folder: Path, objects: list[exporter.Exported]) -> Any:
    """What the exported manifests, one file each, are found to be, and plan to."""
    for name, item in zip(exporter.file_names(objects), objects, strict=True):
        path = folder / "exported" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(exporter.manifest_text(item))
    request = reconcile.Request(site.project, ENVIRONMENT, (str(folder / "exported"),))
    loaded = loading.load(site.project, request.paths, "default")
    assert not loaded.invalid, loaded.findings
    reader = site.reader()
    try:
        records = read_records(site.connection, reader)
        return reconcile.make_plan(request, loaded, reconcile.ask_git(request), reader, records)
    finally:
        reader.close()


@given(cases())
@examples(40)
def test_what_is_exported_validates_and_plans_to_nothing(case: Case) -> None:
    with made(case) as site:
        objects = exported(site)
        plan = planned(site, site.folder, objects)
        assert rules(plan) == []
        assert_empty(plan)
        lost = [item for item in objects if item.data is None]
        event(f"{min(len(lost), 3)} cannot be expressed")
        assert len(objects) == plan["summary"]["unchanged"] + len(lost)
        used = plan["target"]["workspaces"]
        assert plan["summary"]["unmanaged"] == sum(item.live.key.workspace in used for item in lost)


@given(cases())
@examples(10)
def test_the_stream_holds_the_same_objects_as_the_files_and_any_yaml_reader_reads_it(case: Case) -> None:
    with made(case) as site:
        objects = exported(site)
        documents = [d for d in yaml.safe_load_all(exporter.stream(objects)) if d is not None]
        assert documents == [item.data for item in objects if item.data is not None]
        assert len({name.lower() for name in exporter.file_names(objects)}) == len(objects)


def test_names_that_yaml_could_mistake_are_quoted(site: Site) -> None:
    odd = [
        "no",
        "1.5",
        "true",
        "- a",
        "a: b",
        "#x",
        "ünïcode",
        'quo"te',
        "back\\slash",
        "{x}",
        "~",
        "2024-01-01",
        "a #b",
    ]
    for number, name in enumerate(odd):
        site.live_bucket(name, ("S3", f"bucket-{number}"))
    plan = planned(site, site.folder, exported(site))
    assert (rules(plan), plan["operations"], plan["summary"]["unchanged"]) == ([], [], len(odd) + 1)


def test_an_attachment_that_a_rule_forbids_is_left_out_with_a_comment_and_kept(site: Site) -> None:
    one, two = site.live_bucket("one", ("S3", "same")), site.live_bucket("two", ("GCS", "same"))
    site.live_repository("r", one, two)
    objects = exported(site)
    text = exporter.stream(objects)
    assert "# left out, and kept on the platform: {type: GCS, bucket: same}: GW301" in text
    plan = planned(site, site.folder, objects)
    assert (rules(plan), plan["operations"]) == ([], [])
    assert len(plan["kept"][0]["attachments"]) == 1


def test_objects_of_one_name_cannot_be_expressed_and_are_named_with_their_ids(site: Site) -> None:
    one, two = site.live_bucket("logs", ("S3", "a")), site.live_bucket("LOGS", ("S3", "b"))
    text = exporter.stream(exported(site))
    assert f"({one}) cannot be expressed: its name is shared, case ignored, with {two}" in text
    assert f"({two}) cannot be expressed" in text
