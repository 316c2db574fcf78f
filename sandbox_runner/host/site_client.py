"""The host's calls to the site. The only way anything of this host reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from sandbox_runner.errors import SandboxError
from sandbox_runner.protocol import LEASE_S, Action, TrialSpec

TIMEOUT_S = 15.0
MAX_BUNDLE_BYTES = 32 * 1024 * 1024
_CONFLICT = 409
_REFUSED = (400, 413, 422)


class SiteUnreachable(SandboxError):
    """The site did not answer, or answered with an error of its own: try again later."""


class ReportRefused(SandboxError):
    """The site will never take this report: its content breaks the site's rules. A bug of ours, so it is logged."""


class LeaseLost(SandboxError):
    """The site has given this attempt up: stop, report nothing more."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a host gets for an attempt: all it needs to run it and to report on it."""

    spec: TrialSpec
    token: str
    lease: str
    heartbeat_s: float
    lease_s: float = LEASE_S

    def as_json(self) -> dict[str, Any]:
        return {
            "spec": self.spec.as_json(),
            "token": self.token,
            "lease": self.lease,
            "heartbeat_s": self.heartbeat_s,
            "lease_s": self.lease_s,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Claim:
        return cls(**{**document, "spec": TrialSpec.from_json(document["spec"])})


class SiteClient:
    """Calls with this host's key. One per thread."""

    def __init__(self, site: str, host: str, key: str) -> None:
        self._site = site.rstrip("/")
        self._authorization = f"Host {host}:{key}"
        self._session = requests.Session()

    def claim(self, attempt: str, lease: str) -> Claim:
        """Raises LeaseLost when the attempt is not this host's to run."""
        answer = self._post("/api/host/claims/", self._authorization, {"attempt": attempt, "lease": lease})
        return Claim(
            spec=TrialSpec.from_json(answer["spec"]),
            token=answer["token"],
            lease=lease,
            heartbeat_s=float(answer["heartbeat_s"]),
            lease_s=float(answer["lease_s"]),
        )

    def host_heartbeat(self, document: Mapping[str, Any]) -> bool:
        """Tells the site that this host lives; True when it is asked to drain."""
        return bool(self._post("/api/host/heartbeat/", self._authorization, document).get("drain", False))

    def bundle(self, claim: Claim) -> bytes:
        """The submission's normalised tar."""
        url = f"{self._site}/api/host/attempts/{claim.spec.attempt}/bundle/"
        try:
            response = self._session.get(
                url, headers={"Authorization": f"Attempt {claim.token}"}, timeout=TIMEOUT_S, stream=True
            )
            _check(response)
            content = response.raw.read(MAX_BUNDLE_BYTES + 1, decode_content=True)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise SiteUnreachable(f"the submission could not be fetched: {error}") from None
        if len(content) > MAX_BUNDLE_BYTES:
            raise SiteUnreachable("the site sent a submission larger than any it accepts")
        return bytes(content)

    def heartbeat(self, claim: Claim, document: Mapping[str, Any]) -> Action:
        answer = self._attempt(claim, "heartbeat", {"lease": claim.lease, **document})
        return Action.CANCEL if answer.get("action") == Action.CANCEL else Action.CONTINUE

    def report(self, claim: Claim, document: Mapping[str, Any]) -> None:
        self._attempt(claim, "reports", {"lease": claim.lease, **document})

    def _attempt(self, claim: Claim, call: str, document: Mapping[str, Any]) -> dict[str, Any]:
        return self._post(f"/api/host/attempts/{claim.spec.attempt}/{call}/", f"Attempt {claim.token}", document)

    def _post(self, path: str, authorization: str, document: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = self._session.post(
                self._site + path, json=document, headers={"Authorization": authorization}, timeout=TIMEOUT_S
            )
            _check(response)
            answer = response.json()
        except requests.exceptions.RequestException as error:
            raise SiteUnreachable(f"{path}: {error}") from None
        if not isinstance(answer, dict):
            raise SiteUnreachable(f"{path}: the answer is not an object")
        return answer


def _check(response: requests.Response) -> None:
    if response.status_code in (_CONFLICT, 401, 403, 404, 410):
        raise LeaseLost(f"{response.status_code}: {response.text[:300]}")
    if response.status_code in _REFUSED:
        raise ReportRefused(f"{response.status_code}: {response.text[:300]}")
    if response.status_code >= 400:
        raise SiteUnreachable(f"{response.status_code}: {response.text[:300]}")
