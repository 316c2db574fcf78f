"""The embedded edition as one thing: web, site worker and local host worker, started and ended together."""
