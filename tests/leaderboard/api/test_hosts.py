"""What host workers and supervisors call."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from leaderboard import files, lifecycle
from leaderboard.models import Attempt, Host, Submission
from tests.factories import HostFactory
from tests.leaderboard.steps import evaluation, lease, result, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]


def as_host(host: Host) -> dict[str, str]:
    return {"authorization": f"Host {host.name}:key-of-{host.name}"}


def post(client: Client, path: str, body: Any, headers: dict[str, str]) -> Any:
    return client.post(f"/api/host/{path}", data=body, content_type="application/json", headers=headers)


def claimed(client: Client) -> tuple[Attempt, dict[str, str]]:
    """A running attempt of a real bundle, and its supervisor's headers."""
    sent(bundle_sha256=files.store(b"a tar of the submission"))
    attempt = lease(HostFactory())
    body = {"attempt": str(attempt.pk), "lease": str(attempt.lease_id)}
    answer = post(client, "claims/", body, as_host(attempt.host))
    assert answer.status_code == 200, answer.content
    return attempt, {"authorization": f"Attempt {answer.json()['token']}"}


def test_a_claim_answers_with_spec_token_and_paces(client: Client) -> None:
    sent()
    attempt = lease(HostFactory())

    body = {"attempt": str(attempt.pk), "lease": str(attempt.lease_id)}
    answer = post(client, "claims/", body, as_host(attempt.host)).json()

    assert set(answer) == {"spec", "token", "lease_s", "heartbeat_s"}
    assert answer["spec"]["attempt"] == str(attempt.pk)
    assert (answer["lease_s"], answer["heartbeat_s"]) == (45.0, 10.0)
    again = post(client, "claims/", body, as_host(attempt.host))
    assert (again.status_code, "cannot be claimed" in again.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    "authorization",
    ["", "Host", "Host nobody:key", "Host {name}:wrong", "Host {name}:", "Bearer key-of-{name}", "Host {name}:ä"],
)
def test_without_the_hosts_key_nothing_is_handed_out(client: Client, authorization: str) -> None:
    sent()
    attempt = lease(HostFactory())
    headers = {"authorization": authorization.format(name=attempt.host.name)}

    body = {"attempt": str(attempt.pk), "lease": str(attempt.lease_id)}
    for path, document in (("claims/", body), ("heartbeat/", {"state": "idle"})):
        assert post(client, path, document, headers).status_code == 401


def test_a_retired_host_is_a_stranger(client: Client) -> None:
    host = HostFactory(retired_at=timezone.now())

    assert post(client, "heartbeat/", {"state": "idle"}, as_host(host)).status_code == 401


def test_another_hosts_lease_cannot_be_claimed(client: Client) -> None:
    sent()
    attempt = lease(HostFactory())

    body = {"attempt": str(attempt.pk), "lease": str(attempt.lease_id)}
    assert post(client, "claims/", body, as_host(HostFactory())).status_code == 409


def test_a_token_opens_its_own_attempt_only(client: Client) -> None:
    attempt, headers = claimed(client)
    other = uuid.uuid4()

    for path in ("bundle/", "heartbeat/", "reports/"):
        assert client.get(f"/api/host/attempts/{other}/{path}", headers=headers).status_code == 401
        wrong = {"authorization": "Attempt guess"}
        assert post(client, f"attempts/{attempt.pk}/{path}", {}, wrong).status_code == 401
        assert post(client, f"attempts/{attempt.pk}/{path}", {}, as_host(attempt.host)).status_code == 401


def test_an_unclaimed_attempt_has_no_token_at_all(client: Client) -> None:
    sent()
    attempt = lease(HostFactory())

    answer = client.get(f"/api/host/attempts/{attempt.pk}/bundle/", headers={"authorization": "Attempt "})
    assert answer.status_code == 401


def test_the_bundle_comes_as_it_was_stored(client: Client) -> None:
    attempt, headers = claimed(client)

    answer = client.get(f"/api/host/attempts/{attempt.pk}/bundle/", headers=headers)

    assert answer["content-type"] == "application/x-tar"
    assert answer.getvalue() == b"a tar of the submission"


def test_a_host_heartbeat_keeps_its_facts_and_answers_drain(client: Client) -> None:
    host = HostFactory(heartbeat_at=None, hardware_model="")
    body = {"state": "busy", "hardware": {"cpu_model": "Example\x00 CPU", "cpus": 2}, "version": "protocol 1"}

    first = post(client, "heartbeat/", body, as_host(host)).json()
    Host.objects.update(is_draining=True)
    second = post(client, "heartbeat/", body, as_host(host)).json()

    host.refresh_from_db()
    assert (first, second) == ({"drain": False}, {"drain": True})
    assert (host.state, host.hardware_model, host.version) == ("busy", "Example CPU", "protocol 1")
    assert host.is_alive(timezone.now())


def test_heartbeats_and_reports_move_a_trial_to_its_end(client: Client) -> None:
    attempt, headers = claimed(client)
    lease_id, base = str(attempt.lease_id), f"attempts/{attempt.pk}/"

    beat = {"lease": lease_id, "state": "running", "step": 3, "charged_s": 1.5, "best": None, "log_tail": "hi"}
    action = post(client, base + "heartbeat/", beat, headers).json()
    payloads = [
        ("started", {"batch_size": 32}),
        ("evaluation", evaluation().as_json()),
        ("finished", result().as_json()),
    ]
    for sequence, (kind, payload) in enumerate(payloads):
        report = {"lease": lease_id, "sequence": sequence, "kind": kind, "payload": payload}
        for _ in range(2):  # a lost answer is repeated
            answer = post(client, base + "reports/", report, headers)
            assert (answer.status_code, answer.json()) == (200, {"accepted": True})

    attempt.refresh_from_db()
    assert action == {"action": "continue"}
    assert (attempt.status, attempt.trial.ending, attempt.reports.count()) == ("finished", "target", 3)


def test_a_cancelled_submission_answers_cancel(client: Client) -> None:
    attempt, headers = claimed(client)
    lifecycle.cancel_submission(Submission.objects.get().pk, actor="shell")

    beat = {"lease": str(attempt.lease_id), "state": "running", "step": 1, "charged_s": 1.0}
    assert post(client, f"attempts/{attempt.pk}/heartbeat/", beat, headers).json() == {"action": "cancel"}


def test_an_old_lease_is_told_so(client: Client) -> None:
    attempt, headers = claimed(client)
    beat = {"lease": str(attempt.lease_id), "state": "running"}
    report = {"lease": str(attempt.lease_id), "sequence": 0, "kind": "started", "payload": {}}
    Attempt.objects.update(status="lost", lease_expires_at=timezone.now() - timedelta(minutes=5))

    assert post(client, f"attempts/{attempt.pk}/heartbeat/", beat, headers).status_code == 409
    assert post(client, f"attempts/{attempt.pk}/reports/", report, headers).status_code == 409
    assert client.get(f"/api/host/attempts/{attempt.pk}/bundle/", headers=headers).status_code == 409


BAD_BODIES: dict[str, Any] = {
    "not json": "{",
    "not an object": "[]",
    "nan": '{"sequence": 0, "kind": "evaluation", "payload": {"charged_s": NaN}}',
    "repeated keys": '{"sequence": 0, "sequence": 1}',
    "deep": "[" * 100_000,
    "no payload": {"sequence": 0, "kind": "started"},
    "unknown kind": {"sequence": 0, "kind": "gossip", "payload": {}},
    "negative sequence": {"sequence": -1, "kind": "started", "payload": {}},
    "boolean sequence": {"sequence": True, "kind": "started", "payload": {}},
    "deep facts": {"sequence": 0, "kind": "started", "payload": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
    "many facts": {"sequence": 0, "kind": "started", "payload": {str(n): n for n in range(3000)}},
    "text for number": {"sequence": 0, "kind": "evaluation", "payload": {**evaluation().as_json(), "charged_s": "1"}},
    "negative time": {"sequence": 0, "kind": "evaluation", "payload": {**evaluation().as_json(), "charged_s": -1.0}},
    "huge step": {"sequence": 0, "kind": "evaluation", "payload": {**evaluation().as_json(), "step": 2**63}},
    "odd hash": {"sequence": 0, "kind": "evaluation", "payload": {**evaluation().as_json(), "sha256": "../x"}},
    "odd metric": {"sequence": 0, "kind": "evaluation", "payload": {**evaluation().as_json(), "metrics": {"<b>": 1}}},
    "invalid reaches": {
        "sequence": 0,
        "kind": "evaluation",
        "payload": {**evaluation().as_json(), "valid": False, "reached_validation": True},
    },
    "unknown ending": {"sequence": 0, "kind": "finished", "payload": {**result().as_json(), "ending": "won"}},
    "no evaluations": {"sequence": 0, "kind": "finished", "payload": {**result().as_json(), "evaluations": None}},
    "time from nowhere": {"sequence": 0, "kind": "finished", "payload": {**result().as_json(), "time_to_target_s": 1}},
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_report_of_another_shape_is_refused_and_changes_nothing(client: Client, name: str) -> None:
    attempt, headers = claimed(client)
    body = BAD_BODIES[name]
    if isinstance(body, dict):
        body = json.dumps({"lease": str(attempt.lease_id), **body})

    answer = post(client, f"attempts/{attempt.pk}/reports/", body, headers)

    attempt.refresh_from_db()
    assert answer.status_code == 400
    assert attempt.status == "running"
    assert not attempt.reports.exists()
    assert not attempt.evaluations.exists()


def test_the_loss_of_weights_that_diverge_is_taken_however_large(client: Client) -> None:
    attempt, headers = claimed(client)
    lease_id, path = str(attempt.lease_id), f"attempts/{attempt.pk}"
    row = {**evaluation().as_json(), "metrics": {"validation/accuracy": 0.1, "validation/loss": 1e300}}
    report = {"lease": lease_id, "sequence": 0, "kind": "evaluation", "payload": row}

    assert post(client, f"{path}/reports/", report, headers).status_code == 200
    assert post(client, f"{path}/heartbeat/", {"lease": lease_id, "best": -1e300}, headers).status_code == 200
    assert float(attempt.evaluations.get().metrics["validation/loss"]) == 1e300  # PostgreSQL keeps it as an integer


def test_a_body_without_end_is_not_read(client: Client) -> None:
    attempt, headers = claimed(client)

    answer = post(client, f"attempts/{attempt.pk}/reports/", " " * 8_000_001, headers)

    assert (answer.status_code, "larger than" in answer.json()["detail"]) == (400, True)


def test_what_a_log_says_is_stored_without_control_characters(client: Client) -> None:
    attempt, headers = claimed(client)
    beat = {
        "lease": str(attempt.lease_id),
        "state": "running\x1b[2J",
        "log_tail": "\x1b[31mred\x1b[0m\r\nnull\x00 \u202ertl <script>" + "x" * 100_000,
    }

    post(client, f"attempts/{attempt.pk}/heartbeat/", beat, headers)

    attempt.refresh_from_db()
    assert attempt.state == "running"
    assert len(attempt.log_tail) <= 65_536
    assert not set(attempt.log_tail) & set("\x00\x1b\u202e\r")


def test_healthz_answers(client: Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
