"""Running strangers' code: knows nothing of Django and nothing of a database."""
