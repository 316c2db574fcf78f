from __future__ import annotations

import itertools

import pytest

from workloads import frameworks


@pytest.mark.parametrize("framework", ["jax", "pytorch"])
@pytest.mark.parametrize("accelerator", [False, True])
def test_batches_are_the_same_whether_or_not_they_are_made_ahead(framework, accelerator, monkeypatch):
    monkeypatch.setattr(frameworks, "has_accelerator", lambda _: accelerator)

    batches = frameworks.ahead_of_steps(framework, itertools.count())

    assert list(itertools.islice(batches, 5)) == [0, 1, 2, 3, 4]
    assert isinstance(batches, itertools.count) != accelerator
