"""Request bodies of hosts: one JSON object of bounded size."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import IO, Any, cast

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from leaderboard.errors import ReportRejected

MAX_BODY_BYTES = 8_000_000  # a result repeats all its evaluations


class BoundedJSON(BaseParser):
    """Parses `application/json` up to `MAX_BODY_BYTES`. NaN, infinity, repeated keys and other shapes are refused."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        data = stream.read(MAX_BODY_BYTES + 1)
        if len(data) > MAX_BODY_BYTES:
            raise ParseError(f"The body is larger than {MAX_BODY_BYTES} bytes.")
        try:
            document = json.loads(data, parse_constant=_refuse, object_pairs_hook=_unique)
        except (ValueError, RecursionError):
            raise ParseError("The body is not JSON.") from None
        if not isinstance(document, dict):
            raise ParseError("The body is not a JSON object.")
        return document


def identifier(body: Mapping[str, Any], name: str) -> uuid.UUID:
    """A UUID field. Raises ReportRejected for anything else."""
    try:
        return uuid.UUID(body[name])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ReportRejected(f"{name} is not a UUID") from None


def digest(payload: Mapping[str, Any]) -> str:
    """The same for the same JSON value, however it was spelled."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def object_of(request: Request) -> Mapping[str, Any]:
    """The parsed body."""
    return cast(dict[str, Any], request.data)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("repeated keys")
    return document
