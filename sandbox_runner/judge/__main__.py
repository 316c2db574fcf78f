"""Entry of the judge container: `python3 -I -m sandbox_runner.judge`."""

import sys

from sandbox_runner.judge.process import main

sys.exit(main())
