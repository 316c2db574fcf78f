"""What a submission's page says about results: measured here, imported or only printed; and the landing page."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from leaderboard import standings
from leaderboard.models import Board, Submission
from leaderboard.printed import load_printed_boards
from tests.leaderboard import boards
from tests.leaderboard.logs import LogFolder
from tests.leaderboard.views.conftest import text_of
from workloads import editions

pytestmark = pytest.mark.django_db
FAST = {"imagenet_resnet": 10.0, "ogbg": 20.0, "ogbg_gelu": 30.0}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "load", lambda name: boards.EDITION)
    monkeypatch.setattr(editions, "names", lambda: ["tiny"])


def ranked() -> Submission:
    """One that ran everything, on its board."""
    row = boards.ran(FAST, name="Fast")
    row.studies.filter(workload="ogbg_gelu").update(is_held_out=True)
    standings.recompute_board_of(row)
    return row


@pytest.fixture
def imported(tmp_path: Any) -> Submission:
    """One of two submissions of v0.5 whose logs were read in."""
    logs = LogFolder(tmp_path)
    for name, hit_s in (("baseline", 400.0), ("fast", 200.0)):
        for trial, later_s in ((1, hit_s), (2, 900.0)):
            logs.trial(name, trial=trial, rows=[(60.0, 0.1), (later_s, 0.3)])
            logs.trial(name, "ogbg_model_size", trial=trial, rows=[(60.0, 0.1), (later_s, 0.3)])
    call_command("import_results", str(logs.root), "--edition=v0.5", "--ruleset=external", verbosity=0)
    return Submission.objects.get(source_key="fast")


@pytest.mark.usefixtures("tiny")
def test_a_page_of_ours_needs_nine_queries_with_code_checks_and_held_out_variants(
    client: Client, with_code, django_assert_max_num_queries
):
    row = with_code(ranked())

    with django_assert_max_num_queries(9):
        page = text_of(client.get(row.get_absolute_url()))

    assert "Held-out robustness" in page
    assert "1 of 1 passed" in page
    assert "Compliance" in page


@pytest.mark.usefixtures("tiny")
def test_a_base_workload_has_the_time_of_its_variant_beside_it(client):
    row = ranked()

    context = client.get(row.get_absolute_url()).context

    assert [(base.workload.name, variant and variant.time_s) for base, variant in context["workload_rows"]] == [
        ("imagenet_resnet", None), ("ogbg", 30.0),
    ]  # fmt: skip
    assert [entry.state for entry in context["held_out_rows"]] == [("passed", "ok")]
    assert context["held_out"].table.rows == (("OGBG, gelu", "1.00×", "1.00×"),)


@pytest.mark.usefixtures("tiny")
def test_hours_are_added_up_and_what_racing_would_have_saved(client):
    row = boards.ran({}, name="Slow second", ruleset="external")
    for workload, studies in {"imagenet_resnet": 3, "ogbg": 3, "ogbg_gelu": 1}.items():
        for study in range(1, studies + 1):
            first = boards.finish_trial(row, workload, study, 10.0, charged_s=10.0)
            second = boards.finish_trial(row, workload, 100 + study, 30.0, charged_s=30.0)
            second.study, second.number = first.study, 2
            second.save()
    standings.recompute_board_of(row)

    response = client.get(row.get_absolute_url())

    assert response.context["effort"] == {
        "charged_s": 7 * 40.0, "saved_s": 7 * 20.0, "share": 0.5, "is_raced": False,
    }  # fmt: skip
    assert "racing would save 50 %" in text_of(response)


def test_an_imported_page_says_who_measured_it_and_leaves_out_what_was_not_done_here(
    client, imported, django_assert_max_num_queries
):
    with django_assert_max_num_queries(9):
        response = client.get(imported.get_absolute_url())

    page = text_of(response)
    assert "Measured elsewhere, scored here from its logs." in page
    assert 'id="compliance"' not in page
    assert "For the team" not in page
    assert "Batch size" not in page
    assert response.context["curves"] is not None
    assert [step["name"] for step in response.context["steps"]] == ["Published"]


@pytest.mark.parametrize("name", ["trial", "run_json"])
def test_what_is_final_may_be_kept_by_caches_and_is_not_sent_twice(client, imported, name):
    place = ["ogbg", 0, 1] if name == "trial" else []
    address = reverse(name, args=[imported.slug, *place])

    first = client.get(address)

    assert first["Cache-Control"].startswith("public")
    assert client.get(address, headers={"if-none-match": first["ETag"]}).status_code == 304


def test_an_imported_trial_has_its_curve_but_no_log(client, imported):
    page = text_of(client.get(reverse("trial", args=[imported.slug, "ogbg", 0, 1])))

    assert "its log is not kept here" in page
    assert "Evaluations" in page
    assert "Attempts" not in page


def test_every_page_of_an_imported_board_names_its_source(client, imported):
    for name in ("board", "workloads", "robustness", "stability"):
        page = text_of(client.get(reverse(name, args=["v0.5", "external"])))
        assert "measured elsewhere and scored here from its logs" in page
        assert "mlcommons/submissions_algorithms" in page


def test_a_printed_board_is_labelled_and_has_neither_profiles_nor_pages_that_need_runs(client):
    load_printed_boards()
    address = ["v0.5", "external"]

    response = client.get(reverse("board", args=address))

    page = text_of(response)
    assert "Transcribed results." in page
    assert next(row.submission.name for row in response.context["page"]) == "Distributed Shampoo"
    assert response.context["profile"] is None
    assert "0.29" in page
    for name in ("robustness", "stability"):
        assert client.get(reverse(name, args=address)).status_code == 404
        assert reverse(name, args=address) not in page
    assert client.get(reverse("board_figure", args=[*address, "profile", "json"])).status_code == 404
    assert client.get(reverse("workload", args=[*address, "ogbg"])).status_code == 200


def test_a_printed_workload_claims_nothing_that_was_not_printed(client):
    load_printed_boards()

    page = text_of(client.get(reverse("workload", args=["v0.5", "external", "ogbg"])))
    rows = client.get(reverse("workloads", args=["v0.5", "external"])).context["rows"]

    assert "0.29" in page
    assert "Study 1" not in page
    assert "NaN</abbr>" not in page
    assert "double_dagger" not in page
    assert "Held-out variant:" not in page
    assert all(row["fastest"] is None for row in rows)  # two decimals do not tell


def test_a_printed_board_without_times_shows_scores_only(client):
    load_printed_boards()

    response = client.get(reverse("board", args=["v0.5", "self_tuning"]))

    assert response.context["has_times"] is False
    assert "Time to target by workload" not in text_of(response)
    assert "0.8542" in text_of(response)


def test_a_printed_submission_has_what_was_printed_and_says_so(client):
    load_printed_boards()
    row = Submission.objects.get(source_key="shampoo_submission")

    response = client.get(row.get_absolute_url())

    page = text_of(response)
    assert "Only what was printed is known." in page
    times = {base.workload.name: (base.fraction, base.state[0]) for base, _ in response.context["workload_rows"]}
    assert times["criteo1tb"] == (0.65, "counts")
    assert times["imagenet_resnet"][1] == "not reached"
    assert 'id="trials"' not in page
    compared = client.get(f"{reverse('compare')}?s={row.slug}&s={Submission.objects.get(name='Amos').slug}")
    assert "Time to target" in text_of(compared)


def test_the_landing_page_shows_the_top_of_every_board_in_few_queries(client, django_assert_max_num_queries):
    load_printed_boards()

    with django_assert_max_num_queries(4):
        response = client.get("/")

    page = text_of(response)
    assert [top["edition"].name for top in response.context["tops"]] == ["mini", "v0.5"]
    assert "Distributed Shampoo" in page
    assert "Amos" not in page  # seventh
    assert page.count("transcribed") == 2
    assert Board.objects.count() == 2
