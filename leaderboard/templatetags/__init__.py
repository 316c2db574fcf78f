"""Template vocabulary of the pages."""
