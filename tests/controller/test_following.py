"""In which order the sources of a repository are looked at."""

from __future__ import annotations

from fleet.fleets import source
from gatectl.controller.following import ordered


def test_those_that_others_depend_on_come_first_whatever_the_file_says() -> None:
    made = [source(name=name) for name in ("app", "network", "base", "lab")]
    app, network, base, lab = made
    sources = [app._replace(depends_on=("network", "elsewhere")), network._replace(depends_on=("base",)), base, lab]
    names = [each.name for each in ordered(sources)]
    assert sorted(names) == ["app", "base", "lab", "network"]
    assert names.index("base") < names.index("network") < names.index("app")


def test_a_chain_may_be_long() -> None:
    one = source(name="s0")
    chain = [one._replace(name=f"s{number}", depends_on=(f"s{number + 1}",)) for number in range(5_000)]
    assert [each.name for each in ordered([*chain, one._replace(name="s5000")])] == [
        f"s{5_000 - n}" for n in range(5_001)
    ]
