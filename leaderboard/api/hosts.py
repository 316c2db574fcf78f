"""What host workers and supervisors call. Everything a host may learn or change goes through here."""

import uuid
from typing import Any

from django.conf import settings
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboard import clean, files, lifecycle, reports, tasks
from leaderboard.api.authentication import AttemptToken, Caller, HostKey
from leaderboard.api.bodies import BoundedJSON, digest, identifier, object_of
from leaderboard.errors import LeaseLost, ReportRejected
from leaderboard.models import Attempt, Host
from sandbox_runner.protocol import ReportKind

MODEL_KEYS = ("gpu_model", "cpu_model")  # the first one a host states is part of its boards' identity


def caller_of(request: Request) -> Caller:
    """Who speaks; the views below let nobody else in."""
    caller: Any = request.user
    if not isinstance(caller, Caller):
        raise AuthenticationFailed("Name the host or the attempt in the Authorization header.")
    return caller


class HostView(APIView):
    """No throttle: hosts are known, and a heartbeat that is turned away costs a lease."""

    schema = None  # not part of the public description
    authentication_classes = [HostKey]
    throttle_classes: list[Any] = []
    parser_classes = [BoundedJSON]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        caller_of(request)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, LeaseLost):
            return Response({"error": str(exc)}, status=status.HTTP_409_CONFLICT)
        if isinstance(exc, ReportRejected):
            return Response({"error": str(exc)}, status=status.HTTP_400_BAD_REQUEST)
        return super().handle_exception(exc)


class AttemptView(HostView):
    authentication_classes = [AttemptToken]


class HostHeartbeat(HostView):
    """A host worker is alive. The answer says whether it should take no more work."""

    def post(self, request: Request) -> Response:
        host, body = caller_of(request).host, object_of(request)
        state = body.get("state")
        if state not in Host.State.values:
            raise ReportRejected("state is not idle or busy")
        hardware = reports.facts(body.get("hardware") or {})
        if not isinstance(hardware, dict):
            raise ReportRejected("hardware is not an object")
        fields = {
            "state": state,
            "hardware": hardware,
            "hardware_model": _model(hardware) or host.hardware_model,
            "version": reports.text(body, "version", 80),
            "heartbeat_at": timezone.now(),
        }
        Host.objects.filter(pk=host.pk).update(**fields)
        if host.heartbeat_at is None or not host.is_alive(timezone.now()):
            tasks.soon(tasks.dispatch_trials)  # it has just come up: work may be waiting
        return Response({"drain": host.is_draining})


def _model(hardware: dict[str, Any]) -> str:
    stated = (hardware[key] for key in MODEL_KEYS if isinstance(hardware.get(key), str))
    return clean.one_line(next(stated, ""), 120)


class Claims(HostView):
    """A host asks for the spec of an attempt that was leased to it."""

    def post(self, request: Request) -> Response:
        body = object_of(request)
        claim = lifecycle.claim_attempt(
            identifier(body, "attempt"), identifier(body, "lease"), host=caller_of(request).host, now=timezone.now()
        )
        return Response(
            {
                "spec": claim.spec.as_json(),
                "token": claim.token,
                "lease_s": settings.LEASE_S,
                "heartbeat_s": settings.HEARTBEAT_S,
            }
        )


class Bundle(AttemptView):
    """The submission's files as one deterministic tar, as long as the attempt runs."""

    def get(self, request: Request, attempt_id: uuid.UUID) -> HttpResponseBase:
        attempt = caller_of(request).attempt
        if attempt is None or attempt.status != Attempt.Status.RUNNING:
            raise LeaseLost("This lease is no longer valid.")
        path = files.path_of(attempt.trial_spec().bundle_sha256)
        return FileResponse(path.open("rb"), content_type="application/x-tar")


class AttemptHeartbeat(AttemptView):
    """A supervisor is alive; the answer is whether to go on."""

    def post(self, request: Request, attempt_id: uuid.UUID) -> Response:
        body = object_of(request)
        action = lifecycle.heartbeat(
            attempt_id,
            identifier(body, "lease"),
            now=timezone.now(),
            state=clean.one_line(reports.text(body, "state", 20), 20),
            step=reports.whole(body, "step", optional=True),
            charged_s=reports.number(body, "charged_s", optional=True),
            best=reports.metric(body, "best"),
            log_tail=reports.text(body, "log_tail", reports.MAX_LOG),
        )
        return Response({"action": str(action)})


class Reports(AttemptView):
    """One report of a supervisor, in whatever order and however often it arrives."""

    def post(self, request: Request, attempt_id: uuid.UUID) -> Response:
        body = object_of(request)
        sequence, payload = reports.whole(body, "sequence"), body.get("payload")
        if not isinstance(payload, dict):
            raise ReportRejected("payload is not an object")
        try:
            kind = ReportKind(str(body.get("kind")))
        except ValueError:
            raise ReportRejected("kind is not one of the agreed words") from None
        is_new = lifecycle.record_report(
            attempt_id,
            identifier(body, "lease"),
            sequence=sequence or 0,
            kind=kind,
            payload=payload,
            digest=digest(payload),
            now=timezone.now(),
        )
        if is_new and kind == ReportKind.FINISHED:
            tasks.soon(tasks.dispatch_trials)
            tasks.soon(tasks.finish_submissions)
        return Response({"accepted": True})
