"""Django's handle on the app."""

from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    name = "leaderboard"
    verbose_name = "AlgoPerf leaderboard"
