"""The targets of a source are what its folders are, and no folder's name makes more of one than it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.fleets import source
from gatectl.fleet.targets import MOST, matches, targets_of

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12,
) | st.sampled_from(["*", "?", "[a-z]*", "[!x]*", "]", "a*", "{folder}"])  # fmt: skip


def test_a_source_without_folders_is_one_target_called_like_it() -> None:
    (target,) = targets_of(source(project="infra/gatectl.yaml", workspaces=["a-*"]), ()).targets
    assert (target.name, target.folder, target.project) == ("analytics", "", "infra/gatectl.yaml")
    assert target.may_touch("a-1") and not target.may_touch("b")


def test_each_folder_is_a_target_in_the_order_of_their_bytes() -> None:
    made = targets_of(
        source(forEach={"folders": "teams/*"}, workspaces=["{folder}", "{folder}-*"]),
        ["teams/b", "", "teams", "teams/a/deep", "other/c", "teams/é", "teams/B", "teams/.hidden", "teams/b"],
    )
    assert [t.name for t in made.targets] == ["analytics/B", "analytics/b", "analytics/é"]
    target = made.targets[1]
    assert (target.folder, target.project) == ("b", "teams/b/gatectl.yaml")
    assert target.may_touch("b") and target.may_touch("b-x") and not target.may_touch("B") and not target.may_touch("a")


@pytest.mark.parametrize(
    ("pattern", "folder", "called"),
    [("*", "a", "a"), ("teams/*", "teams/a", "a"), ("*/gateway", "a/gateway", "a/gateway"), ("infra", "infra", "infra"),
     ("**", "a/b", "a/b"), ("x/**", "x/a/b", "a/b"), ("x/**/y", "x/y", "y"), ("x/**/y", "x/a/b/y", "a/b/y"),
     ("a/b", "a/b", "b"), ("t?/*", "t1/a", "t1/a")],
)  # fmt: skip
def test_a_target_is_called_by_its_folder_without_what_the_pattern_begins_with(
    pattern: str, folder: str, called: str
) -> None:
    made = targets_of(source(forEach={"folders": pattern}), [folder])
    assert [t.name for t in made.targets] == [f"analytics/{called}"]


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [("*", "a/b"), ("*", ""), ("*", ".git"), ("**", ".git/x"), ("**", "a/.b"), ("x/**/y", "x/.a/y"), ("teams/*", "teams"),
     ("a.b", "axb"), ("teams/*", "Teams/a"), ("?", ".")],
)  # fmt: skip
def test_other_folders_are_no_targets(pattern: str, folder: str) -> None:
    assert not matches(pattern, folder)


def test_folders_whose_names_no_workspace_has_are_told_and_make_no_target() -> None:
    made = targets_of(source(forEach={"folders": "*"}), ["a\nb", " a", "a\u202e", "\udcff", "x" * 201, "good"])
    assert [t.name for t in made.targets] == ["analytics/good"]
    assert len(made.refused) == 5


def test_a_source_has_no_more_targets_than_it_can() -> None:
    made = targets_of(source(forEach={"folders": "*"}), (f"f{n:05}" for n in range(MOST + 3)))
    assert len(made.targets) == MOST and len(made.refused) == 3


@given(NAMES, NAMES)
def test_a_folder_may_touch_the_workspace_of_its_own_name_and_no_other(folder: str, workspace: str) -> None:
    """A folder may be called `*`; that is one workspace, and not all of them."""
    made = targets_of(source(forEach={"folders": "teams/*"}, workspaces=["{folder}"]), [f"teams/{folder}"])
    for target in made.targets:
        assert target.may_touch(folder)
        assert target.may_touch(workspace) == (workspace == folder)


@given(st.lists(NAMES, max_size=8))
def test_no_two_targets_have_one_name(folders: list[str]) -> None:
    names = [t.name for t in targets_of(source(forEach={"folders": "**"}), ["/".join(folders), *folders]).targets]
    assert len(set(names)) == len(names)
