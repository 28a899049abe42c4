"""Uploads a CSV of many rows through the real SDK to a real server: memory and speed of both.

Usage: bench_upload_memory.py [--rows 500000]
Prints the peak resident memory of either process (VmHWM), rows a second, and CPU seconds a
million rows. The issue is memory, which must not grow with the rows but for 8 bytes each of the
count of repeated rows: --rows 20000000 needs 10 GB of disk and some minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from upload_policy import POLICY

from cleanroom_client import CleanRoom
from cleanroom_client.blinding.kernel import chosen

CLIENT_BAR_MB, SERVER_BAR_MB = 500, 2_000
BATCH = 50_000


def write_rows(path: Path, rows: int) -> None:
    days = [f"20{20 + y}-{m:02d}-{d:02d}" for y in range(6) for m in range(1, 13) for d in (1, 15)]
    with path.open("w", encoding="ascii") as file:
        file.write("email,purposes,consent_at,consent_until\n")
        for start in range(0, rows, BATCH):
            file.writelines(
                f"person{i * 2654435761 % 2**32}@example{i % 7}.com,measurement,"
                f"{days[i % len(days)]},2199-01-01\n"
                for i in range(start, min(rows, start + BATCH))
            )


def status(pid: int | str, name: str) -> int:
    """Return a figure of /proc/<pid>/status in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) // 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def client(profile: str, file: str) -> None:
    """Upload in this process, and print how that went."""
    started = time.perf_counter()
    sent_s = 0.0

    def progress(stage: str, done: int, total: int | None = None) -> None:
        nonlocal sent_s
        if stage == "rows uploaded":
            sent_s = time.perf_counter() - started

    with CleanRoom.connect(profile) as room:
        try:
            room.upload("audience", Path(file), progress=progress)
            problem = ""
        except Exception as error:  # noqa: BLE001 - the figures are there all the same
            problem = f"{type(error).__name__}: {error}"
    figures = {
        "seconds": time.perf_counter() - started,
        "sent_s": sent_s,
        "cpu_s": time.process_time(),
        "peak_mb": status("self", "VmHWM"),
        "problem": problem,
    }
    print(json.dumps(figures))


@contextmanager
def served(folder: Path) -> Iterator[tuple[Path, int]]:
    """Serve a sandbox that everybody accepted; yield the uploader's profile and the server's pid."""
    # Here, because the client's process must not hold what it never uses.
    from cleanroom.demo.processes import Server, free_address
    from cleanroom.sandbox.create import Options, create_sandbox

    sandbox = create_sandbox(folder / "room", POLICY, options=Options(listen=free_address()))
    with Server(sandbox.server_config, folder) as server:
        for name in sandbox.parties:
            with CleanRoom.connect(sandbox.profile(name)) as room:
                room.accept()
        assert server._process
        yield sandbox.profile("acme-brand"), server._process.pid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--client", nargs=2, metavar=("PROFILE", "FILE"))
    options = parser.parse_args()
    if options.client:
        client(*options.client)
        return
    rows = options.rows
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (profile, pid):
        path = Path(folder) / "audience.csv"
        write_rows(path, rows)
        before_s = cpu_s(pid)
        command = [sys.executable, __file__, "--client", str(profile), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures = json.loads(done.stdout)
        server_mb, server_s = status(pid, "VmHWM"), cpu_s(pid) - before_s
    kernel = chosen()
    print(f"{rows} rows, kernel {kernel.path if kernel else 'python'}")
    print(f"SDK:    peak {figures['peak_mb']} MB (bar {CLIENT_BAR_MB})")
    print(f"server: peak {server_mb} MB (bar {SERVER_BAR_MB})")
    print(f"{rows / figures['sent_s']:.0f} rows/s to the last chunk, {figures['sent_s']:.1f} s")
    print(f"{figures['seconds']:.1f} s in all, with the start and the service's completing")
    for name, seconds in (("SDK", figures["cpu_s"]), ("server", server_s)):
        print(f"{name}: {seconds / rows * 1e6:.2f} CPU seconds a million rows")
    if figures["problem"]:
        print(figures["problem"])


if __name__ == "__main__":
    main()
