"""The line of a submission or a trial: the same colour and dash in tables, legends and charts."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leaderboard.charts.styles import Style, submission_style, trial_style
from leaderboard.models import Submission

register = template.Library()


@register.filter
def style_sample(style: Style, width: int = 34) -> SafeString:
    """A short line in a style."""
    return format_html(
        '<svg class="ln" width="{0}" height="12" viewBox="0 0 {0} 12" aria-hidden="true">'
        '<line class="ln-s {1}" x1="0" y1="6" x2="{0}" y2="6" stroke-dasharray="{2}"/></svg>',
        width,
        style.stroke,
        style.dash_array or "none",
    )


@register.filter
def line_sample(submission: Submission, width: int = 34) -> SafeString:
    """A submission's line; grey until it is published."""
    return style_sample(submission_style(submission.style_slot, is_baseline=submission.is_baseline), width)


@register.filter
def trial_sample(number: int, width: int = 28) -> SafeString:
    """The line of a trial inside its submission."""
    return style_sample(trial_style(number), width)


@register.filter
def mark_class(submission: Submission) -> str:
    """The fill of a submission's marks."""
    return submission_style(submission.style_slot, is_baseline=submission.is_baseline).fill
