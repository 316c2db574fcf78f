from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.introspection import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "import inspect\ninspect.stack()",
        "from inspect import currentframe",
        "import sys\nsys._getframe(1)",
        "import sys\ngetattr(sys, '_get' + 'frame')(1)",
        "import sys\nsys.modules['x']",
        "import gc\ngc.get_objects()",
        "from gc import get_referrers",
        "error.__traceback__.tb_frame",
        "frame.f_back.f_locals",
        "f.__globals__",
        "object.__subclasses__()",
        "getattr(f, '__globals__')",
        "import __main__",
        "import sys\nsys.addaudithook(f)",
    ],
)
def test_looking_into_the_caller_is_for_a_reviewer(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REVIEW}


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "import gc\ngc.collect()",
        "import inspect\ninspect.signature(f)",
        "import sys\nsys.path.insert(0, 'x')",
        '"""Uses no __globals__."""',
        "if __name__ == '__main__':\n    pass",
    ],
)
def test_ordinary_code_is_silent(code):
    assert judge(RULE, code) == []
