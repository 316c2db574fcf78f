"""What several models share."""

from typing import Any, NoReturn

from django.db import models

from leaderboard.errors import ImmutableRow


class AppendOnlyQuerySet(models.QuerySet):
    """Rows are added and read, never changed or removed."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise ImmutableRow(f"{self.model.__name__} rows are never changed")

    def delete(self) -> NoReturn:
        raise ImmutableRow(f"{self.model.__name__} rows are never removed")


class AppendOnly(models.Model):
    """A row that can be written once."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableRow(f"{self.__class__.__name__} {self.pk} is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableRow(f"{self.__class__.__name__} {self.pk} is never removed")
