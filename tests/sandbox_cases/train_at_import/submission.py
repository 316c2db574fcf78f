"""Works for three seconds before anybody has called it."""

import time

from honest import *

BUSY_UNTIL = time.monotonic() + 3.0
while time.monotonic() < BUSY_UNTIL:
    sum(number * number for number in range(10_000))
