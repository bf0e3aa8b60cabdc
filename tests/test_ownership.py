"""Whose an object is, by what is known of who applied it and of who asks (product.md, section 6, *Owner*)."""

from __future__ import annotations

import pytest

from gatectl.documents.ownership import Asking, Owned, Owner, holdings

HERE = Owner("acme", None, "prod", "git.example.com/acme//gatectl.yaml")
BY_UID = Owner("acme", "3f2a", "prod", "git.example.com/acme//gatectl.yaml")


@pytest.mark.parametrize(
    ("asking", "owner", "claim"),
    [
        (Asking(HERE), HERE, "ours"),
        (Asking(HERE), HERE._replace(environment="dev"), "other"),
        (Asking(HERE), HERE._replace(project="other"), "other"),
        (Asking(HERE), HERE._replace(place="git.example.com/fork//gatectl.yaml"), "fork"),
        (Asking(HERE), BY_UID, "other"),
        (Asking(HERE, frozenset(("live",))), HERE._replace(environment="live"), "known"),
        (Asking(BY_UID), BY_UID._replace(place="elsewhere"), "ours"),
        (Asking(BY_UID), Owner("acme", None, ""), "known"),
        (Asking(HERE), Owner("other", None, ""), "other"),
        (Asking(BY_UID, places=frozenset(("elsewhere",))), BY_UID, "moved"),
        (Asking(BY_UID, places=frozenset(("elsewhere",)), stays=True), BY_UID, "ours"),
        (Asking(BY_UID, places=frozenset((BY_UID.place or "",))), BY_UID._replace(place="elsewhere"), "ours"),
        (Asking(BY_UID._replace(place=None), places=frozenset(("elsewhere",))), BY_UID, "ours"),
        (
            Asking(BY_UID, frozenset(("live",)), frozenset(("elsewhere",))),
            BY_UID._replace(environment="live"),
            "moved",
        ),
        (Asking(BY_UID), HERE, "known"),
        (Asking(BY_UID), BY_UID._replace(project="renamed"), "ours"),
        (Asking(BY_UID), BY_UID._replace(uid="77aa"), "other"),
    ],
)
def test_an_owner_is_told_by_its_uid_and_else_by_name_and_place(asking: Asking, owner: Owner, claim: str) -> None:
    assert asking.claim(owner) == claim


def test_what_nobody_applied_has_no_owner() -> None:
    mine, theirs = (
        Owned(HERE, "Bucket", "default", "w", "logs", "1"),
        Owned(BY_UID, "Bucket", "default", "w", "data", "2"),
    )
    found = holdings(Asking(HERE), [mine, theirs])
    assert (found.claim("1"), found.claim("2"), found.claim("3")) == ("ours", "other", None)
    assert list(found.ours()) == [mine]
