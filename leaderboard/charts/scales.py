"""Where a value lies on an axis, and where its ticks are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PROFILE_TICKS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
NARROW_PROFILE_TICKS = (1.0, 1.5, 2.0, 3.0, 4.0)
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
SECONDS_UP_TO_S = 180.0
MINUTES_UP_TO_S = 7200.0


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Maps [low, high] to pixels [start, end], linearly or in the logarithm."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; values outside are put on the edge."""
        low, high, clipped = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, clipped = math.log(low), math.log(high), math.log(clipped)
        share = 0.5 if high == low else (clipped - low) / (high - low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One labelled place on an axis."""

    value: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A range with its ticks and the unit for the title."""

    low: float
    high: float
    ticks: tuple[Tick, ...]
    unit: str = ""
    is_log: bool = False


def linear_axis(values: Sequence[float], *, most_ticks: int = 7) -> Axis:
    """A range around the values that begins and ends at round numbers."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    step = _round_step((high - low) / (most_ticks - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(Tick(value=index * step, text=_short(index * step)) for index in range(first, last + 1))
    return Axis(low=ticks[0].value, high=ticks[-1].value, ticks=ticks)


def log_axis(values: Sequence[float]) -> Axis:
    """A logarithmic range around positive values, with ticks at 1, 2 and 5 times the powers of ten in it."""
    low, high = min(values), max(values)
    low, high = (low / 1.1, high * 1.1) if low < high else (low / 2, high * 2)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    places = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    within = [place for place in places if low <= place <= high]
    if len(within) > 8:
        within = [10.0**power for power in powers if low <= 10.0**power <= high]
    return Axis(low=low, high=high, ticks=tuple(Tick(value=place, text=_short(place)) for place in within), is_log=True)


def time_axis(longest_s: float, *, most_ticks: int = 7) -> Axis:
    """From zero to just past the longest time, in seconds, minutes or h:mm, whichever reads best."""
    longest_s = max(longest_s, 1.0)
    wanted = longest_s / most_ticks
    step = next((float(s) for s in _TIME_STEPS_S if s >= wanted), 86400.0 * math.ceil(wanted / 86400))
    count = math.ceil(longest_s / step - 1e-9)
    high = count * step
    unit, text = _time_unit(high)
    return Axis(
        low=0.0,
        high=high,
        ticks=tuple(Tick(value=index * step, text=text(index * step)) for index in range(count + 1)),
        unit=unit,
    )


def profile_ticks(tau_max: float, *, is_log: bool = True, narrow: bool = False) -> tuple[Tick, ...]:
    """The factors on a profile's axis, as multiples; the limit is always one of them."""
    if is_log:
        wanted: tuple[float, ...] = NARROW_PROFILE_TICKS if narrow else PROFILE_TICKS
    else:
        wanted = tuple(1.0 + half / 2 for half in range(math.ceil(2 * (tau_max - 1.0))))
    return tuple(Tick(value=tau, text=f"{tau:g}×") for tau in (*(tau for tau in wanted if tau < tau_max), tau_max))


def share_ticks(num_workloads: int) -> tuple[Tick, ...]:
    """k of n on the other axis; every k as long as there is room."""
    step = math.ceil(num_workloads / 8)
    counts = sorted({*range(0, num_workloads, step), num_workloads})
    return tuple(Tick(value=count / num_workloads, text=f"{count}/{num_workloads}") for count in counts)


def _time_unit(high_s: float) -> tuple[str, Callable[[float], str]]:
    """A unit and the function that writes it."""
    if high_s <= SECONDS_UP_TO_S:
        return "s", lambda seconds: f"{seconds:g}"
    if high_s <= MINUTES_UP_TO_S:
        return "min", lambda seconds: f"{seconds / 60:g}"
    return "h:mm", lambda seconds: f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02d}"


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def _short(value: float) -> str:
    return f"{value:.4g}".replace("-", "−") if abs(value) > 1e-12 else "0"
