"""Property tests of this folder are never judged by how fast the machine happens to be."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "scoring", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("scoring")
