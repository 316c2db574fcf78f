"""Numbers -> figures. From small series objects, each function makes one `Chart`: the Plotly figure whose colours are
tokens of design.css, the static images in two sizes, the legend and the data table. Pure; no models, no database.
"""

from leaderboard.charts.bars import Bar, workload_bars
from leaderboard.charts.curves import CurveLine, Point, training_curves
from leaderboard.charts.dumbbell import Pair, held_out_dumbbells
from leaderboard.charts.figure import Chart, LegendEntry, Table
from leaderboard.charts.files import standalone_svg, table_csv
from leaderboard.charts.profile import Band, ProfileLine, choose_in_colour, performance_profile
from leaderboard.charts.ranks import MOST_LINES as MOST_RANK_LINES
from leaderboard.charts.ranks import RankLine, rank_stability
from leaderboard.charts.ratios import RatioBar, Side, ratio_bars
from leaderboard.charts.speed import SpeedPoint, speed_and_coverage
from leaderboard.charts.styles import BASELINE, Style, submission_style, trial_style

__all__ = [
    "BASELINE",
    "MOST_RANK_LINES",
    "Band",
    "Bar",
    "Chart",
    "CurveLine",
    "LegendEntry",
    "Pair",
    "Point",
    "ProfileLine",
    "RankLine",
    "RatioBar",
    "Side",
    "SpeedPoint",
    "Style",
    "Table",
    "choose_in_colour",
    "held_out_dumbbells",
    "performance_profile",
    "rank_stability",
    "ratio_bars",
    "speed_and_coverage",
    "standalone_svg",
    "submission_style",
    "table_csv",
    "training_curves",
    "trial_style",
    "workload_bars",
]
