"""Memory of messages is used again, by whichever thread."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import resource, threading
from cleanroom.wiring.allocation import keep_freed_messages
{call}
def work():
    for _ in range(100):
        [bytes(1 << 20) for _ in range(4)]
def faults():
    thread = threading.Thread(target=work)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
def test_messages_of_a_megabyte_are_made_in_memory_that_was_used_before():
    code = COUNT.format(call="keep_freed_messages()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000  # of 100,000 pages
