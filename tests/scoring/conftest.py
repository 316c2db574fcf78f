"""Property tests of this folder are never judged by how fast the machine happens to be."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, settings

from tests.scoring import competition

settings.register_profile(
    "scoring", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("scoring")


@pytest.fixture
def agree(record_property: Callable[[str, object], None]) -> Callable[[Mapping[str, tuple[float, str]]], None]:
    """Asserts that each of our numbers is the reference's; the end of the test run says how many there were."""

    def check(pairs: Mapping[str, tuple[float, str]]) -> None:
        assert pairs
        record_property("golden: expected results of the reference scoring code", len(pairs))
        assert competition.differences(pairs) == []

    return check
