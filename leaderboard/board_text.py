"""A snapshot as text: the document with its identity around it, and BibTeX."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from leaderboard.models import Snapshot

LICENCE = "Apache-2.0"

# The papers, as their publishers list them.
_BENCHMARK = """\
@misc{algoperf-benchmark,
  author = {Dahl, George E. and Schneider, Frank and Nado, Zachary and others},
  title  = {Benchmarking Neural Network Training Algorithms},
  year   = {2023},
  eprint = {2306.07179},
  archivePrefix = {arXiv},
}
"""
_COMPETITION = """\
@inproceedings{algoperf-competition,
  author    = {Kasimbeg, Priya and Schneider, Frank and others},
  title     = {Accelerating Neural Network Training: An Analysis of the {AlgoPerf} Competition},
  booktitle = {International Conference on Learning Representations},
  year      = {2025},
}
"""


def address_of(snapshot: Snapshot) -> str:
    """The page that shows exactly this snapshot, also when it is no longer the current one."""
    board = snapshot.board
    path = reverse("board", args=[board.edition, board.ruleset])
    return f"{settings.SITE_URL.rstrip('/')}{path}?snapshot={snapshot.number}"


def document_of(snapshot: Snapshot) -> dict[str, Any]:
    """What `board.json` holds: the stored document behind its number, date, address and licence."""
    return {
        "snapshot": snapshot.number,
        "created_at": snapshot.created_at.isoformat(timespec="seconds"),
        "reason": snapshot.reason,
        "address": address_of(snapshot),
        "licence": LICENCE,
        **snapshot.document,
    }


def bibtex(snapshot: Snapshot) -> str:
    """An entry for the snapshot and one for the paper behind its numbers."""
    board, day = snapshot.board, snapshot.created_at
    ruleset = board.get_ruleset_display().lower()
    own = f"""\
@misc{{algoperf-{board.edition}-{board.ruleset}-{snapshot.number},
  title        = {{{{AlgoPerf}} leaderboard, edition {board.edition}, {ruleset}, snapshot {snapshot.number}}},
  year         = {{{day:%Y}}},
  howpublished = {{\\url{{{address_of(snapshot)}}}}},
  note         = {{Revision {board.revision}, {day:%-d %B %Y}, licence {LICENCE}}},
}}
"""
    elsewhere = snapshot.head.get("origin") in ("imported", "printed", "mixed") and board.edition == "v0.5"
    return "\n".join([own, _COMPETITION if elsewhere else _BENCHMARK])
