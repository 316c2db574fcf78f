from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.processes import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess",
        "import multiprocessing as mp",
        "from multiprocessing import Process",
        "import threading",
        "from concurrent.futures import ThreadPoolExecutor",
        "import asyncio",
        "import _thread",
        "import signal",
        "import atexit",
        "import torch.multiprocessing as mp",
        "from torch import multiprocessing",
        "import os; os.fork()",
        "import os; os.system('true')",
        "import os; os.execv('/bin/sh', [])",
        "import os as o; o.kill(1, 9)",
        "from os import fork",
        "import os; getattr(os, 'fo' + 'rk')()",
        "import torch; torch.multiprocessing.spawn(f)",
        "def f():\n    import subprocess",
        "try:\n    import threading\nexcept ImportError:\n    pass",
    ],
)
def test_processes_and_threads_are_refused(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REJECTED}


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "import os\nrank = int(os.environ.get('LOCAL_RANK', 0))",
        "import torch.distributed as dist\ndist.all_reduce(x)",
        "from torch.nn.parallel import DistributedDataParallel",
        "import gc\ngc.collect()",
        "import queue, collections, functools",
        "model.system = 1",
        "process = 3",
    ],
)
def test_distributed_training_is_silent(code):
    assert judge(RULE, code) == []
