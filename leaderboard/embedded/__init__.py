"""The embedded edition as one thing: web, site worker and local host worker, started and ended together."""

from leaderboard.embedded.site import EmbeddedSite, running_address

__all__ = ["EmbeddedSite", "running_address"]
