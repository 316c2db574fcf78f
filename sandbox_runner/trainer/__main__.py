"""Entry of the trainer container: `python3 -I -m sandbox_runner.trainer`."""

import sys

from sandbox_runner.trainer.process import main

sys.exit(main())
