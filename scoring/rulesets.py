"""The three choices in which the published scores differ from the written rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scoring.errors import UnknownRuleSet


class TrialRule(StrEnum):
    """Which trial of a study counts, among those that reached the target."""

    FEWEST_EVALUATIONS_THEN_LEAST_TIME = "fewest_evaluations_then_least_time"
    LEAST_TIME = "least_time"


class Integral(StrEnum):
    """How the area under a performance profile is taken."""

    TRAPEZOID100 = "trapezoid100"  # trapezoid rule over 100 equally spaced tau
    EXACT = "exact"  # area of the steps themselves


class EmptyStudy(StrEnum):
    """What a study without any measurement is worth in the median."""

    DROP = "drop"
    INF = "inf"


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """How trials become scores. Not to be confused with a ruleset, which says who tunes."""

    name: str
    trial_rule: TrialRule
    integral: Integral
    empty_study: EmptyStudy


PUBLISHED = RuleSet(
    name="published",
    trial_rule=TrialRule.FEWEST_EVALUATIONS_THEN_LEAST_TIME,
    integral=Integral.TRAPEZOID100,
    empty_study=EmptyStudy.DROP,
)
"""Reproduces every number published for AlgoPerf v0.5 and v0.6."""

DOCUMENTED = RuleSet(
    name="documented", trial_rule=TrialRule.LEAST_TIME, integral=Integral.EXACT, empty_study=EmptyStudy.INF
)
"""Follows the benchmark's written rules."""

RULE_SETS = {rules.name: rules for rules in (PUBLISHED, DOCUMENTED)}


def rule_set(name: str) -> RuleSet:
    """The rule set of this name; raises UnknownRuleSet with the known names."""
    try:
        return RULE_SETS[name]
    except KeyError:
        raise UnknownRuleSet(f"no rule set {name!r}; known: {', '.join(RULE_SETS)}") from None
