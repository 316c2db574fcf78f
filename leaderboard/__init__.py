"""The Django app: what the site knows and shows."""
