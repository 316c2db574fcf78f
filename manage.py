#!/usr/bin/env python
"""The shell entrance of the site."""

import os
import sys


def main() -> None:
    """Run a management command, in the embedded edition unless the environment names other settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings.dev")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
