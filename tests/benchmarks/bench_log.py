"""Times the log: appending, exporting, verifying, and listing the newest entries of a long one.

Usage: bench_log.py [--entries 1000000] [--json]
Entries are as long as those of questions. Each of export, verify and list runs in a process of
its own, which tells the most memory it took; times are the clock's, with the processor's beside
them, which a busy machine does not stretch. Appending is timed beside a durable debit: a
transaction that debits two ledgers and binds a request, with and without its log entry.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cleanroom.audit.choice import Choice
from cleanroom.audit.entry import EntryKind, encode_entry
from cleanroom.audit.export import verify_export
from cleanroom.cli.log_check import verify_stored_log
from cleanroom.model.names import LedgerName
from cleanroom.ports.records import Debit
from cleanroom.storage.export_folder import ExportFolder
from cleanroom.storage.sqlite import SqlStore
from cleanroom.usecases.entries import newest
from support.audit_logs import LOG_KEY, some_entry
from support.exports import exported_to, note_of

BATCH = 10_000
LISTED = 50
ROUNDS = 300


def _entry(number):
    """Return an entry as long as one of a reserved question."""
    digest = f"{number:064x}"
    fields = {
        "question_digest": digest,
        "family": "sales_lift",
        "policy_digest": digest,
        "versions": [["exposures", f"v-{number:024x}"], ["sales", f"v-{number:024x}"]],
        "epoch_s": 1_760_000_000,
        "debits": [
            {"ledger": f"ledgers/{owner}/default", "nano_rho": 1_000_000, "remaining": number}
            for owner in ("acme-brand", "megamart")
        ],
    }
    return encode_entry(some_entry(number, kind=EntryKind.QUESTION_RESERVED, fields=fields))


def _fill(path, entries):
    store = SqlStore(path)
    for start in range(0, entries, BATCH):
        store.transact(lambda tx, s=start: _append(tx, range(s, min(s + BATCH, entries))))
        _say(f"{min(start + BATCH, entries)} entries written")
    store.close()


def _append(tx, numbers):
    for number in numbers:
        tx.log.append(_entry(number))


def _export(path, folder):
    store = SqlStore(path)
    exported_to(store, folder)
    store.close()


def _verify(_path, folder):
    verify_export(ExportFolder(folder), [LOG_KEY])


def _verify_stored(path, _folder):
    store = SqlStore(path)
    verify_stored_log(
        store, note_of(store), [LOG_KEY], against=None, tell=lambda _done, _total: None
    )
    store.close()


def _list(path, _folder):
    store = SqlStore(path)
    assert len(newest(store, Choice(), LISTED)) == LISTED
    store.close()


WORK = {
    "export": _export,
    "verify the export": _verify,
    "verify the database": _verify_stored,
    f"list the newest {LISTED}": _list,
}


def _in_a_process(name, path, folder):
    command = [sys.executable, __file__, "--run", name, str(path), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _run(name, path, folder):
    started, at_start = time.perf_counter(), time.process_time()
    WORK[name](Path(path), Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB; Linux counts in KiB
    seconds, cpu = time.perf_counter() - started, time.process_time() - at_start
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak}))


def _debits(path, *, logged):
    """Return the seconds of one durable debit in the middle of many."""
    store = SqlStore(path)
    ledgers = [LedgerName(owner=owner, pool="default") for owner in ("acme-brand", "megamart")]
    store.transact(lambda tx: [tx.ledgers.open(ledger, 10**15) for ledger in ledgers])
    entries = [_entry(number) for number in range(ROUNDS)]
    times = []
    for number, entry in enumerate(entries):

        def work(tx, number=number, entry=entry):
            for ledger in ledgers:
                tx.ledgers.debit(Debit(ledger=ledger, nano_rho=1), f"{logged}{number}")
            if logged:
                tx.log.append(entry)

        started = time.perf_counter()
        store.transact(work)
        times.append(time.perf_counter() - started)
    store.close()
    return sorted(times)[len(times) // 2]


def _measure(entries):
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "room.db", Path(folder) / "exported"
        _fill(path, entries)
        found = {name: _in_a_process(name, path, out) for name in WORK}
        bare = _debits(Path(folder) / "bare.db", logged=False)
        # On the long log: that is where an append is dearest.
        logged = _debits(path, logged=True)
    found["debit"] = {"seconds": bare}
    found["debit with its entry"] = {"seconds": logged, "more": logged / bare - 1}
    return found


def _say(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=int(os.environ.get("ENTRIES", "1000000")))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        _run(*given.run)
        return
    found = _measure(given.entries)
    if given.json:
        print(json.dumps({"entries": given.entries, "figures": found}, indent=2))
        return
    print(f"a log of {given.entries} entries")
    for name, figures in found.items():
        memory = (
            f"(processor {figures['cpu_seconds']:.2f} s) {figures['peak_mib']:6.0f} MiB"
            if "peak_mib" in figures
            else ""
        )
        more = f"   {figures['more']:+.0%}" if "more" in figures else ""
        print(f"  {name:24} {figures['seconds']:10.4f} s {memory}{more}")


if __name__ == "__main__":
    main()
