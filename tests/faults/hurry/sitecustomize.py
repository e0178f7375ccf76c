"""Twenty times shorter pauses, in every Python that has this folder in its path.

Upstream modules sleep for seconds after they have made a route table or a security group, to let AWS settle. A kill
there is no different from one shortly before, and an emulator has nothing to settle.
"""

import time

_sleep = time.sleep


def sleep(seconds: float) -> None:
    """Sleep a twentieth."""
    _sleep(seconds / 20)


time.sleep = sleep  # type: ignore[assignment]  # what an int can be, a float can
