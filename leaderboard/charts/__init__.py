"""Numbers -> figures. From small series objects, each function makes one `Chart`: the Plotly figure whose colours are
tokens of design.css, the static images in two sizes, the legend and the data table. Pure; no models, no database.
"""

from leaderboard.charts.bars import Bar, workload_bars
from leaderboard.charts.curves import CurveLine, Point, training_curves
from leaderboard.charts.figure import Chart, LegendEntry, Table
from leaderboard.charts.profile import ProfileLine, choose_in_colour, performance_profile
from leaderboard.charts.styles import BASELINE, Style, submission_style, trial_style

__all__ = [
    "BASELINE",
    "Bar",
    "Chart",
    "CurveLine",
    "LegendEntry",
    "Point",
    "ProfileLine",
    "Style",
    "Table",
    "choose_in_colour",
    "performance_profile",
    "submission_style",
    "training_curves",
    "trial_style",
    "workload_bars",
]
