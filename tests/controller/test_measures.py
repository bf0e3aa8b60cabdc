"""What a process counts while it works."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from gatectl.controller.measures import Family, Measures


def family(measures: Measures, name: str) -> Family:
    (found,) = [each for each in measures.families() if each.name == name]
    return found


def values(found: Family) -> dict[tuple[str, ...], float]:
    return {(sample.suffix, *(value for _, value in sample.labels)): sample.value for sample in found.samples}


def test_looks_are_counted_by_what_they_left_and_sorted_by_how_long_they_took() -> None:
    measures = Measures()
    measures.looked("in-sync", 0.05)
    measures.looked("in-sync", 0.2)
    measures.looked("failed", 1_000.0)
    assert values(family(measures, "gatectl_reconciles_total")) == {("", "failed"): 1, ("", "in-sync"): 2}
    sorted_by = values(family(measures, "gatectl_reconcile_duration_seconds"))
    assert sorted_by[("_bucket", "0.05")] == 1
    assert sorted_by[("_bucket", "0.1")] == 1
    assert sorted_by[("_bucket", "0.25")] == sorted_by[("_bucket", "300")] == 2
    assert sorted_by[("_bucket", "+Inf")] == sorted_by[("_count",)] == 3
    assert sorted_by[("_sum",)] == 1_000.25


def test_what_a_process_counts_from_the_start_is_there_at_nought() -> None:
    """So that its first error is a rise, which an alert can see."""
    for name in ("gatectl_git_errors_total", "gatectl_budget_wait_seconds_total", "gatectl_takeovers_total"):
        assert values(family(Measures(), name)) == {("",): 0}


def test_nothing_that_many_threads_count_is_lost() -> None:
    measures = Measures()
    with ThreadPoolExecutor(8) as pool:
        for number in range(2_000):
            pool.submit(measures.looked, "in-sync", 0.5)
            pool.submit(measures.asked_git, failed=number % 4 == 0)
    assert values(family(measures, "gatectl_reconciles_total")) == {("", "in-sync"): 2_000}
    assert values(family(measures, "gatectl_git_requests_total")) == {("", "done"): 1_500, ("", "failed"): 500}
    assert values(family(measures, "gatectl_git_errors_total")) == {("",): 500}


def test_events_hooks_waits_and_takeovers_are_counted() -> None:
    measures = Measures()
    measures.hooked(believed=True)
    measures.hooked(believed=False)
    measures.told("drift", sent=True)
    measures.told("failed", sent=False)
    measures.waited(1.5)
    measures.took_over(2)
    assert values(family(measures, "gatectl_webhooks_total")) == {("", "accepted"): 1, ("", "refused"): 1}
    assert values(family(measures, "gatectl_notifications_total")) == {
        ("", "drift", "sent"): 1,
        ("", "failed", "failed"): 1,
    }
    assert values(family(measures, "gatectl_budget_wait_seconds_total")) == {("",): 1.5}
    assert values(family(measures, "gatectl_takeovers_total")) == {("",): 2}
