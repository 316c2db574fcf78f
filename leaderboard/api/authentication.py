"""Keys of hosts and tokens of attempts. Only hashes are stored; comparison takes the same time for every guess."""

import hmac
import uuid
from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from leaderboard.lifecycle.runs import hash_secret
from leaderboard.models import Attempt, Host

_NOBODY = hash_secret("nobody has this key")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who speaks: a host, or the supervisor of one attempt on it."""

    host: Host
    attempt: Attempt | None = None
    is_authenticated: bool = True


def _credentials(request: Request, scheme: str) -> str | None:
    """What follows the scheme's word, or None when the header is about something else."""
    words = get_authorization_header(request).split()
    if len(words) != 2 or words[0].lower() != scheme.lower().encode():
        return None
    try:
        return words[1].decode("ascii")
    except UnicodeDecodeError:
        return None


class HostKey(BaseAuthentication):
    """`Authorization: Host <name>:<key>`."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        name, _, key = (_credentials(request, "Host") or "").partition(":")
        host = Host.objects.filter(name=name, retired_at=None).first()
        # An unknown name costs the same comparison as a wrong key.
        if not hmac.compare_digest(host.key_hash if host else _NOBODY, hash_secret(key)) or host is None:
            raise AuthenticationFailed("Unknown host or wrong key.")
        return Caller(host=host), None

    def authenticate_header(self, request: Request) -> str:
        return "Host"


class AttemptToken(BaseAuthentication):
    """`Authorization: Attempt <token>`, for the attempt in the address only."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        token = _credentials(request, "Attempt") or ""
        attempt_id: uuid.UUID = request.parser_context["kwargs"]["attempt_id"]
        attempt = Attempt.objects.select_related("host").filter(pk=attempt_id).exclude(token_hash="").first()
        if not hmac.compare_digest(attempt.token_hash if attempt else _NOBODY, hash_secret(token)) or attempt is None:
            raise AuthenticationFailed("Unknown attempt or wrong token.")
        return Caller(host=attempt.host, attempt=attempt), None

    def authenticate_header(self, request: Request) -> str:
        return "Attempt"
