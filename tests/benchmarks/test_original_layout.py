"""The original layout, made again from the compact tables."""

import itertools
import json
import tarfile

import pytest

from benchmarks.original_layout import rebuild
from scoring.__main__ import main
from tests.scoring import competition

pytestmark = pytest.mark.skipif(not competition.FOLDER.is_dir(), reason=f"no competition logs in {competition.FOLDER}")

SCORED = ("accumulated_submission_time", "score", "global_step", "total_duration")
TABLES = {"v05_external": 3_700, "v05_self_tuning": 399, "v06_external": 236, "v06_self_tuning": 24}


@pytest.mark.parametrize("leaderboard", TABLES)
def test_the_original_layout_and_the_compact_tables_make_the_same_document(leaderboard, tmp_path, capsys):
    assert rebuild(competition.FOLDER, tmp_path, leaderboard) == TABLES[leaderboard]
    edition, ruleset = competition.LEADERBOARDS[leaderboard]
    documents = []
    for path in (competition.FOLDER, tmp_path):
        assert main([str(path), "--edition", edition, "--ruleset", ruleset, "--json"]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    assert documents[0] == documents[1]


def test_a_rebuilt_table_has_the_columns_and_the_scored_text_of_the_original(tmp_path):
    rebuild(competition.FOLDER, tmp_path, "v06_external")
    compared = 0
    with tarfile.open(competition.FOLDER / "sample_original_layout.tar.gz") as archive:
        for member in archive:
            _, _, place = member.name.partition("/")
            if not (place.startswith("algoperf_v06") and place.endswith("eval_measurements.csv")):
                continue
            original = archive.extractfile(member).read().decode().splitlines()
            rebuilt = (tmp_path / place).read_text().splitlines()
            assert _columns(original, "validation/ssim", *SCORED) == _columns(rebuilt, "validation/ssim", *SCORED)
            assert original[0] == rebuilt[0]
            compared += 1
    assert compared == 30


def _columns(lines, *names):
    """The text of some columns, row by row."""
    places = [lines[0].split(",").index(name) for name in names]
    return [
        [cells[place] for place in places] for cells in itertools.starmap(str.split, ((line, ",") for line in lines))
    ]
