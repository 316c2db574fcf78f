"""What a page shows is in its address: links that change one thing and keep the rest."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest

register = template.Library()

# In the order in which links write them, so that one view has one address.
KNOWN = (
    "s", "q", "sort", "dir", "unit", "axis", "curves", "show", "framework", "ruleset", "edition", "status", "workload",
    "study", "hardware", "snapshot", "page",
)  # fmt: skip
LONGEST = 200  # characters of a value that is kept


def state_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The known parts of the query in their fixed order; anything else is dropped."""
    return [(name, value[:LONGEST]) for name in KNOWN for value in request.GET.getlist(name)[:12] if value]


def query_with(request: HttpRequest, **changes: Any) -> str:
    """`?…` with some values changed; None takes one away, and a list writes one value after the other.

    The number of the page goes with any change, because another order has other pages.
    """
    if "page" not in changes:
        changes["page"] = None
    kept = [(name, value) for name, value in state_of(request) if name not in changes]
    for name, value in changes.items():
        values = value if isinstance(value, list | tuple) else [value]
        kept += [(name, str(one)) for one in values if one is not None and one != ""]
    kept.sort(key=lambda pair: KNOWN.index(pair[0]))
    return f"?{urlencode(kept)}"


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """A link to this page with another state. Needs request."""
    return query_with(context["request"], **changes)


DRAWN = ("s", "axis", "curves", "show", "workload", "hardware", "snapshot")  # what changes a figure


@register.simple_tag(takes_context=True)
def figure_query(context: template.Context) -> str:
    """The part of the state that figures depend on, for their addresses; empty for the plain page. Needs request."""
    kept = [(name, value) for name, value in state_of(context["request"]) if name in DRAWN]
    return f"?{urlencode(kept)}" if kept else ""


@register.inclusion_tag("leaderboard/_kept_state.html", takes_context=True)
def kept_state(context: template.Context, *without: str) -> dict[str, Any]:
    """Hidden inputs that carry the state through a form, but for what the form itself asks."""
    left_out = {*without, "page"}
    return {"pairs": [(name, value) for name, value in state_of(context["request"]) if name not in left_out]}
