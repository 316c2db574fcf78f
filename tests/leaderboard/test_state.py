"""Links that change one thing of what a page shows and keep the rest."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from leaderboard.templatetags.state import query_with


def request(query: str):
    return RequestFactory().get(f"/leaderboards/?{query}")


def rendered(template: str, query: str) -> str:
    return Template("{% load state %}" + template).render(Context({"request": request(query)}))


def test_a_link_changes_one_thing_and_keeps_the_rest_in_one_order():
    assert query_with(request("unit=hms&axis=linear&q=a+b&sort=ogbg"), axis=None) == "?q=a+b&sort=ogbg&unit=hms"
    assert query_with(request("axis=linear&unit=hms"), unit="multiple") == "?unit=multiple&axis=linear"
    assert query_with(request("unit=hms"), unit=None) == "?"


def test_unknown_parts_of_an_address_go_nowhere():
    assert query_with(request("evil=1&unit=hms&next=//example.org")) == "?unit=hms"


def test_another_order_has_other_pages():
    assert query_with(request("page=7&sort=time"), sort=None) == "?"
    assert query_with(request("sort=time"), page=2) == "?sort=time&page=2"


def test_several_values_of_one_name_are_kept():
    assert query_with(request("show=a&show=b"), axis="linear") == "?axis=linear&show=a&show=b"


def test_links_in_templates_are_escaped():
    assert rendered("{% query unit='hms' %}", "q=%22%3E%3Cb%3E") == "?q=%22%3E%3Cb%3E&amp;unit=hms"


def test_forms_carry_the_state_but_for_what_they_ask():
    inputs = rendered("{% kept_state 'q' %}", "q=adam&unit=hms&page=3&show=%22x")

    assert 'name="unit" value="hms"' in inputs
    assert 'value="&quot;x"' in inputs
    assert 'name="q"' not in inputs
    assert 'name="page"' not in inputs


@pytest.mark.parametrize(("query", "drawn"), [("unit=hms&sort=time", ""), ("axis=linear&unit=hms", "?axis=linear")])
def test_figures_depend_on_what_changes_them_only(query, drawn):
    assert rendered("{% figure_query %}", query) == drawn
