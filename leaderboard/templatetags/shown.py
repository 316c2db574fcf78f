"""How numbers, moments and states look on a page: one filter per kind, so that every page agrees.

Missing is never an empty cell: None is an en dash, infinity `inf`, not a number `NaN`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leaderboard.models import Trial
from leaderboard.wording import metric_label, workload_label

register = template.Library()

DASH = "–"
MINUS = "−"
NO_BREAK = "\u00a0"
SHORT_TIME_S = 600  # below it tenths of a second matter: the mini edition's trials take seconds

# State -> (words, tone of the chip). Tones are the classes of design.css; idle has none.
STATES: dict[str, tuple[str, str]] = {
    "draft": ("Draft", ""),
    "validating": ("Validating", "info"),
    "rejected": ("Checks failed", "bad"),
    "in_review": ("In review", "info"),
    "queued": ("Queued", "info"),
    "running": ("Running", "info"),
    "stalled": ("Stalled", "warn"),
    "scoring": ("Scoring", "info"),
    "published": ("Published", "ok"),
    "incomplete": ("Incomplete", "info"),
    "cancelled": ("Cancelled", ""),
    "withdrawn": ("Withdrawn", ""),
    "disqualified": ("Disqualified", "bad"),
    # Trials, attempts and hosts.
    "waiting": ("Waiting", ""),
    "leased": ("Starting", "info"),
    "claimed": ("Starting", "info"),
    "finished": ("Finished", "ok"),
    "done": ("Finished", "ok"),
    "failed": ("Failed", "bad"),
    "skipped": ("Skipped", ""),
    "idle": ("Idle", ""),
    "busy": ("Busy", "info"),
    "draining": ("Draining", "warn"),
    "lost": ("Lost", "bad"),
}

FAILED = ("crash", "oom", "pids", "hang", "protocol", "seal", "infra")
ENDINGS: dict[str, str] = {
    "target": "reached the target",
    "budget": "used its budget",
    "complete": "ended by itself",
    "crash": "crashed",
    "oom": "out of memory",
    "pids": "too many processes",
    "hang": "did not answer",
    "protocol": "broke the protocol",
    "seal": "broke a seal",
    "cancelled": "cancelled",
    "infra": "our failure, runs again",
}

RULESETS = {"external": "External tuning", "self_tuning": "Self-tuning"}
FRAMEWORKS = {"jax": "JAX", "pytorch": "PyTorch"}


def _unusual(value: Any) -> str | None:
    """The word for a missing or not finite number, or None when `value` is an ordinary one."""
    if value is None or value == "":
        return DASH
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "inf"
    return None


@register.filter
def score(value: float | None) -> str:
    """Benchmark score, four decimals."""
    return _unusual(value) or f"{float(value):.4f}"  # type: ignore[arg-type]


@register.filter
def fraction(value: float | None) -> str:
    """Fraction of a budget, two decimals."""
    return _unusual(value) or f"{float(value):.2f}"  # type: ignore[arg-type]


@register.filter
def multiple(value: float | None) -> str:
    """Multiple of the fastest: 1.53×."""
    return _unusual(value) or f"{float(value):.2f}×"  # type: ignore[arg-type]


@register.filter
def hms(seconds: float | None) -> str:
    """Hours, minutes, seconds: 13:10:45. Below ten minutes with tenths: 0:00:12.4."""
    unusual = _unusual(seconds)
    if unusual:
        return unusual
    tenths = round(float(seconds) * 10)  # type: ignore[arg-type]
    if tenths >= SHORT_TIME_S * 10:
        whole = round(float(seconds))  # type: ignore[arg-type]
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"0:{tenths // 600:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


@register.filter
def budget(seconds: float | None) -> str:
    """A budget or period, set in whole seconds: 0:01:00."""
    unusual = _unusual(seconds)
    if unusual:
        return unusual
    whole = round(float(seconds))  # type: ignore[arg-type]
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


@register.filter
def long_time(seconds: float | None) -> str:
    """What many trials add up to: 1 234 h, 12.3 h, 41 min."""
    unusual = _unusual(seconds)
    if unusual:
        return unusual
    hours = float(seconds) / 3600  # type: ignore[arg-type]
    if hours >= 100:
        return f"{round(hours):,}{NO_BREAK}h".replace(",", NO_BREAK)
    return f"{hours:.1f}{NO_BREAK}h" if hours >= 1 else f"{math.ceil(hours * 60)}{NO_BREAK}min"


@register.filter
def signed(value: float | None) -> str:
    """A difference of scores with its sign, a true minus: +0.2077; none where it rounds to nothing."""
    unusual = _unusual(value)
    if unusual:
        return unusual
    number = round(float(value), 4)  # type: ignore[arg-type]
    return f"{'+' if number > 0 else MINUS if number < 0 else ''}{abs(number):.4f}"


@register.filter
def percent_change(ratio: float | None) -> str:
    """A ratio of times as signed whole percent: 0.72 is −28 %."""
    unusual = _unusual(ratio)
    if unusual:
        return unusual
    change = round((float(ratio) - 1) * 100)  # type: ignore[arg-type]
    sign = "+" if change > 0 else MINUS if change < 0 else ""
    return f"{sign}{abs(change)}{NO_BREAK}%"


@register.filter
def percent(part: float | None) -> str:
    """A share in whole percent: 0.32 is 32 %."""
    return _unusual(part) or f"{round(float(part) * 100)}{NO_BREAK}%"  # type: ignore[arg-type]


@register.filter
def five_digits(value: Any) -> str:
    """Hyperparameters and metrics: five significant digits, 4.035e-4 when small or large, booleans as words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    unusual = _unusual(value)
    if unusual:
        return unusual
    number = float(value)
    if number == 0:
        return "0"
    if abs(number) < 1e-3 or abs(number) >= 1e6:
        digits, _, exponent = f"{number:.4e}".partition("e")
        digits = digits.rstrip("0").rstrip(".")
        return f"{digits}e{int(exponent)}".replace("-", MINUS, 1 if number < 0 else 0)
    rounded = f"{number:.5g}"
    return (f"{float(rounded):.0f}" if "e" in rounded else rounded).replace("-", MINUS)


@register.filter
def moment(when: datetime | None) -> SafeString | str:
    """Day month year, 24 h, UTC written out, as a <time> element."""
    if when is None:
        return DASH
    utc = when.astimezone(UTC)
    shown = f"{utc.day} {utc:%b %Y %H:%M} UTC"
    return format_html('<time datetime="{}">{}</time>', utc.isoformat(timespec="seconds"), shown)


@register.filter
def day(when: datetime | None) -> SafeString | str:
    """Day month year as a <time> element."""
    if when is None:
        return DASH
    utc = when.astimezone(UTC)
    shown = f"{utc.day} {utc:%b %Y}"
    return format_html('<time datetime="{}">{}</time>', utc.isoformat(timespec="seconds"), shown)


@register.filter
def ago(seconds: float | None) -> str:
    """How long ago, in one unit: 12 s, 4 min, 3 h, 2 d. Only beside live things."""
    if seconds is None:
        return DASH
    whole = max(0, int(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * 60:
        return f"{round(whole / 60)} min"
    if whole < 36 * 3600:
        return f"{round(whole / 3600)} h"
    return f"{round(whole / 86400)} d"


@register.filter
def short_hash(digest: str | None) -> str:
    """The first twelve digits of a SHA-256."""
    return digest[:12] if digest else DASH


@register.filter
def ruleset_name(value: str) -> str:
    return RULESETS.get(str(value), str(value))


@register.filter
def framework_name(value: str) -> str:
    return FRAMEWORKS.get(str(value), str(value))


@register.filter
def state_words(status: str) -> str:
    return STATES.get(str(status), (str(status).replace("_", " ").capitalize(), ""))[0]


@register.filter
def ending_words(ending: str | None) -> str:
    return ENDINGS.get(str(ending), str(ending)) if ending else DASH


@register.filter
def failure_words(trial: Trial) -> str:
    """Why a trial failed, in one line: what failed, and the last line of what was said. Empty where it did not."""
    if trial.ending not in FAILED:
        return ""
    lines = [line.strip() for line in trial.message.splitlines() if line.strip()]
    return " ".join(lines[:1] + lines[1:][-1:])


@register.filter
def state_chip(status: str) -> SafeString:
    """A submission's, trial's or host's state as a chip: word and colour, never colour alone."""
    words, tone_class = STATES.get(str(status), (str(status).replace("_", " ").capitalize(), ""))
    return format_html('<span class="{}">{}</span>', f"chip {tone_class}".strip(), words)


@register.filter
def tone(level: str) -> str:
    """Django's message level -> the notice classes of design.css."""
    return {"success": "ok", "warning": "warn", "error": "bad"}.get(str(level), "")


@register.filter
def author_line(authors: list[str] | str | None) -> str:
    """`Ada Example et al.`: the first author, and whether there are more."""
    if not authors:
        return ""
    if isinstance(authors, str):
        authors = [name.strip() for name in authors.split(",") if name.strip()]
    names = [str(name) for name in authors]
    return f"{names[0]} et al." if len(names) > 1 else names[0]


@register.filter
def file_size(size_bytes: int | None) -> str:
    """Bytes as B, KB or MB with at most one decimal."""
    if size_bytes is None:
        return DASH
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.1f} KB".replace(".0 ", " ")
    return f"{size_bytes / 1_000_000:.1f} MB".replace(".0 ", " ")


@register.filter
def main_links(request: HttpRequest | str | None) -> list[dict[str, str]]:
    """The main navigation. `current` is what aria-current says; error pages have no request."""
    path = getattr(request, "path", "")
    entries = [
        (reverse("leaderboards"), "Leaderboards"),
        (reverse("current_workloads"), "Workloads"),
        (reverse("submissions"), "Submissions"),
        (reverse("compare"), "Compare"),
        (reverse("queue"), "Queue"),
        (reverse("decisions"), "Decisions"),
        (reverse("rules"), "Rules"),
        (reverse("docs_api"), "API"),
    ]
    here = reverse("current_workloads") if "/workloads/" in path else path
    return [
        {"href": href, "text": text, "current": "page" if path == href else "true" if here.startswith(href) else ""}
        for href, text in entries
    ]


@register.filter
def by_name(points: list[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Points of a search space -> one row per hyperparameter, with its value in every point."""
    names = list(dict.fromkeys(name for point in points for name in point))
    return [(name, [point.get(name) for point in points]) for name in names]


@register.filter
def check_words(state: str) -> str:
    """What became of a check, beside its sign."""
    words = {"rejected": "failed", "review": "a reviewer looks at it", "skipped": "not run"}
    return words.get(str(state), str(state))


@register.filter
def target_words(workload: Any) -> str:
    """Metric, direction and target of a workload spec, as the target file spells it: accuracy ≥ 0.87."""
    metric = workload.metric
    return f"{metric_label(metric.name)} {'≥' if metric.higher_is_better else '≤'} {workload.target.validation}"


@register.filter
def target_of(entry: Mapping[str, Any]) -> str:
    """The same of a workload as a snapshot keeps it."""
    return f"{metric_label(entry['metric'])} {'≥' if entry['higher_is_better'] else '≤'} {entry['target']}"


@register.filter(name="workload_label")
def workload_name(name: str) -> str:
    """A workload as tables write it."""
    return workload_label(str(name))


@register.filter
def rank_move(moved: int | None) -> SafeString | str:
    """By how many places a rank is better (up) or worse (down) than on the board; nothing where it is the same."""
    if not moved:
        return ""
    arrow, words, tone = ("↑", "better", "pos") if moved < 0 else ("↓", "worse", "neg")
    return format_html(' <span class="mv {}">{}{}<span class="sr"> {}</span></span>', tone, arrow, abs(moved), words)


@register.filter
def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


@register.filter
def as_ending(url: str, ending: str) -> str:
    """The address of another form of a figure: …/profile.json?x=y -> …/profile.csv?x=y."""
    path, mark, query = url.partition("?")
    return f"{path.removesuffix('.json')}.{ending}{mark}{query}"


@register.simple_tag
def mail_is_kept() -> bool:
    """True where messages do not leave this machine but are kept as files."""
    return settings.EMAIL_BACKEND == "leaderboard.mail.KeptMailBackend"


@register.filter
def square_class(shade: str) -> str:
    """The class of a workload's square, from that of its cell."""
    return f"hx{shade[1:]}" if shade.startswith("h") and shade[1:].isdigit() else "hx0"


@register.filter
def add_units(x: float, more: float) -> str:
    """A coordinate moved to the right."""
    return f"{float(x) + float(more):g}"


@register.filter
def plain(value: float | None) -> str:
    """A number for an attribute: a point, four digits, nothing else."""
    return f"{float(value or 0.0):.4f}"


@register.filter
def last_lines(text: str, count: int) -> str:
    """The end of a log."""
    return "\n".join((text or "").rstrip("\n").split("\n")[-count:])


@register.filter
def get(mapping: Mapping[str, Any], name: str) -> Any:
    """One entry of a mapping, None where it is missing."""
    return mapping.get(name)


@register.filter
def base_count(rows: Sequence[Any]) -> int:
    """How many of a submission's workloads are base workloads, not held-out variants."""
    return sum(not row.is_held_out for row in rows)


@register.filter
def check_counts(checks: Sequence[Any]) -> dict[str, int]:
    """How many checks ended in each state."""
    counts = dict.fromkeys(("passed", "note", "review", "rejected"), 0)
    for check in checks:
        counts[str(check.state)] = counts.get(str(check.state), 0) + 1
    return counts


@register.filter
def outcome_chip(outcome: str) -> SafeString:
    """A decision's outcome as a chip."""
    tones = {"disqualified": "bad", "reinstated": "ok", "no_violation": "ok"}
    words = str(outcome).replace("_", " ").capitalize()
    return format_html('<span class="{}">{}</span>', f"chip {tones.get(str(outcome), '')}".strip(), words)


@register.filter
def rank_range(standing: Any) -> str:
    """Best and worst rank with any one workload left out: 1–3, or one number where they are equal."""
    if standing.rank_best is None:
        return DASH
    if standing.rank_best == standing.rank_worst:
        return str(standing.rank_best)
    return f"{standing.rank_best}–{standing.rank_worst}"
