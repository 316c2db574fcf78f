from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.patching import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.cuda.synchronize = lambda: None",
        "import torch\ntorch.nn.Linear.forward = f",
        "import torch.nn.functional as F\nF.cross_entropy = f",
        "import jax\njax.block_until_ready = f",
        "import torch\nsetattr(torch, 'argmax', f)",
        "import torch\ndelattr(torch, 'argmax')",
        "import torch\nnn = torch.nn\nnn.Linear = f",
        "import torch\ndel torch.argmax",
        "import torch\ntorch.__dict__['argmax'] = f",
        "import torch\nvars(torch)['argmax'] = f",
        "import sys\nsys.modules['torch'] = f",
        "import sys\nsys.modules.update(x)",
        "import builtins\nbuiltins.len = f",
        "import random\nrandom.seed = f",
        "workload.loss_fn = f",
        "self.workload.step_hint = 1",
        "workload.step_hint += 1",
        "setattr(workload, 'loss_fn', f)",
        "object.__setattr__(workload, 'loss_fn', f)",
        "workload.__dict__['loss_fn'] = f",
        "type.__setattr__(workload.model, 'x', 1)",
        "def update_params(eval_results):\n    eval_results.append((0, {}))",
        "def update_params(eval_results):\n    eval_results[-1] = None",
        "def update_params(train_state):\n    train_state['accumulated_submission_time'] = 0",
        "from unittest import mock",
        "from unittest.mock import patch",
    ],
)
def test_changing_what_is_not_ones_own_is_for_a_reviewer(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REVIEW}


@pytest.mark.parametrize(
    "code",
    [
        "import time\ntime.time = lambda: 0",
        "import time as t\nt.perf_counter = f",
        "import time\nsetattr(time, 'monotonic', f)",
        "from algoperf import spec\nspec.TrainingCompleteError = f",
        "import algoperf.spec\nalgoperf.spec.Workload.x = 1",
        "from algorithmic_efficiency import spec as s\nsetattr(s, 'x', 1)",
    ],
)
def test_changing_the_clock_or_the_benchmark_is_refused(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REJECTED}


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "self.state = {}",
        "self.workload = workload",
        "optimizer_state['scheduler'] = scheduler",
        "group['lr'] = 0.1",
        "p.grad = None",
        "p.data = x",
        "param.requires_grad = False",
        "model.training = True",
        "train_state = {}\ntrain_state['step'] = 1",
        "eval_results = []\neval_results.append(1)",
        "setattr(self, 'x', 1)",
        "import torch\ntorch.backends.cudnn.benchmark = True",
        "import jax\njax.config.jax_enable_x64 = False",
        "import torch\nx = torch.zeros(3)\nx[0] = 1",
        "import sys\nsys.path.append('.')",
        "spec = 1\nspec.x = 2",
        "time = 1\ntime.x = 2",
    ],
)
def test_changing_ones_own_objects_is_silent(code):
    assert judge(RULE, code) == []
