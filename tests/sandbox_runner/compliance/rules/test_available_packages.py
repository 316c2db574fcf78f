from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.packages import IMAGE_MODULES, OFFERED
from sandbox_runner.compliance.rules.available_packages import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code", ["import tensorflow as tf", "from learned_optimization import prefab", "import optimizers.x", "import clu"]
)
def test_a_package_that_is_not_installed_is_refused(code):
    assert judge(RULE, code) == [(Verdict.REJECTED, 1)]


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import clu\nexcept ImportError:\n    clu = None",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import clu",
        "def f():\n    import clu",
    ],
)
def test_a_package_that_may_be_missing_is_noted(code):
    assert [verdict for verdict, _ in judge(RULE, code)] == [Verdict.NOTE]


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "import numpy, scipy.linalg, optax, flax.linen, functools",
        "from algoperf import spec",
        "from algorithmic_efficiency.pytorch_utils import pytorch_setup",
        "from . import helper",
        "from .helper import f",
        "import helper",
        "from submissions.external_tuning.mine.helper import f",
        "from __future__ import annotations",
    ],
)
def test_what_is_there_is_silent(code):
    assert judge(RULE, code, helper="def f(): pass") == []


def test_one_file_of_a_subfolder_may_be_imported_by_its_own_name():
    files = {"optimizers/blocked/roots": "", "optimizers/one/twice": "", "optimizers/two/twice": ""}

    assert judge(RULE, "from roots import inverse_root\nimport blocked.roots", **files) == []
    assert judge(RULE, "import twice", **files) == [(Verdict.REJECTED, 1)]


@pytest.mark.parametrize("module", sorted(IMAGE_MODULES))
def test_every_offered_module_exists_in_our_own_environment(module):
    pytest.importorskip(module)


def test_offers_are_spelled_as_the_package_index_spells_them():
    assert all(name == name.lower().replace("_", "-") for name in OFFERED)
