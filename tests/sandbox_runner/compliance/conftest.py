"""Property tests of this folder are never judged by how fast the machine happens to be."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "compliance", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("compliance")
