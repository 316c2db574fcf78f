"""`manage.py grant_role EMAIL reviewer`: roles that reach beyond one's own teams."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from leaderboard import lifecycle
from leaderboard.models import User

FIELDS = {"reviewer": "is_reviewer", "operator": "is_operator", "staff": "is_staff"}


class Command(BaseCommand):
    """Gives or takes a role; the change is in the audit trail."""

    help = "Give an account the role of reviewer or operator, or take it away. `staff` may open the read-only admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("role", choices=sorted(FIELDS))
        parser.add_argument("--revoke", action="store_true")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.select_for_update().filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account with the address {options['email']}. Register it first.")
        field, wanted = FIELDS[options["role"]], not options["revoke"]
        before = getattr(user, field)
        setattr(user, field, wanted)
        user.save(update_fields=[field])
        lifecycle.record("shell", "grant role", user, before={field: before}, after={field: wanted})
        self.stdout.write(f"{user.email} is {'now' if wanted else 'no longer'} {options['role']}.")
