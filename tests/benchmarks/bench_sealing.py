"""Times sealing, and the most memory it takes, each case in a process of its own.

Usage: bench_sealing.py [--rows 1000000] [--keys 1 3] [--json]
One key: every row is a person. Three keys: eight people in ten rows, each key and the person's
reference there in seven rows of ten, and one key in a hundred is somebody else's.
`psi` means that final tokens come as token maps in sixteen parts, as the relay leaves them.
Rows come in chunks of 2^16 that are made on the way; what making them costs is taken off the
times, which count processor seconds of all threads beside the clock's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa

from cleanroom.engine.layout import token_column, wire_schema
from cleanroom.engine.sealing import seal
from cleanroom.model.dataset import Bounded, DatasetSchema, Domain, KeyType, Unit
from cleanroom.ports.tables import TokenMap

KEYS = (KeyType.EMAIL, KeyType.PHONE, KeyType.LOYALTY_ID)
CHUNK = 1 << 16
PARTS = 16
_ODD = np.uint64(0x9E3779B97F4A7C15)


def _schema(keys):
    return DatasetSchema(
        name="sales",
        owner="megamart",
        keys=KEYS[:keys],
        dimensions=(Domain(name="tier", values=("gold", "basic")),),
        measures=(Bounded(name="amount", unit=Unit.MINOR, max_per_person=1_500_000),),
        timed=True,
    )


def _mixed(number, salt):
    """Return 64 bits that look random for each number, one-to-one (splitmix64's finaliser)."""
    mixed = (number.astype(np.uint64) + np.uint64(salt + 1)) * _ODD
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _values(number, salt, width):
    words = [_mixed(number, salt + 100 * word) for word in range(width // 8)]
    return np.ascontiguousarray(np.stack(words, axis=1)).view(np.uint8).reshape(-1, width)


def _fixed(data, present=None):
    count, width = data.shape
    valid = None if present is None else pa.array(present).buffers()[1]
    return pa.Array.from_buffers(pa.binary(width), count, [valid, pa.py_buffer(data)])


def _identity(row, people, salt, width, *, messy):
    if not messy:
        return _fixed(_values(row, salt, width))
    person = _mixed(row, 77) % np.uint64(people)
    dice = _mixed(row, 1000 + salt)
    slips = (dice >> np.uint64(32)) % np.uint64(100) == 0
    person = np.where(slips, dice % np.uint64(people), person)
    return _fixed(_values(person, salt, width), (dice >> np.uint64(48)) % np.uint64(10) < 7)


def _chunk(schema, row, people):
    messy = len(schema.keys) > 1
    dice = _mixed(row, 5000)
    columns = {
        "ref": _identity(row, people, 50, 16, messy=True) if messy else None,
        "dim_tier": (dice % np.uint64(2)).astype(np.int16),
        "measure_amount": (dice % np.uint64(2_000_000)).astype(np.int64),
        "occurred_at": 1_700_000_000 + (dice >> np.uint64(40)).astype(np.int64),
        "purposes": np.ones(len(row), dtype=np.int64),
        "consent_at": np.zeros(len(row), dtype=np.int64),
        "consent_until": np.full(len(row), 2**40),
    }
    for salt, key in enumerate(schema.keys):
        columns[token_column(key)] = _identity(row, people, salt, 32, messy=messy)
    kind = wire_schema(schema)
    missing = pa.nulls(len(row), pa.binary(16)), pa.nulls(len(row), pa.int8())
    filled = {"ref": missing[0], "arm": missing[1]} | {
        name: column for name, column in columns.items() if column is not None
    }
    return pa.table([pa.array(filled[f.name]).cast(f.type) for f in kind], schema=kind)


def _chunks(schema, rows):
    people = max(1, rows * 8 // 10)
    for first in range(0, rows, CHUNK):
        yield _chunk(schema, np.arange(first, min(rows, first + CHUNK), dtype=np.uint64), people)


def _maps(schema, rows):
    """Return token maps in parts of what _chunks uploads; made when they are read."""
    messy = len(schema.keys) > 1
    number = rows * 8 // 10 if messy else rows

    def parts(salt):
        each = -(-number // PARTS)
        for first in range(0, number, each):
            person = np.arange(first, min(number, first + each), dtype=np.uint64)
            elements = _values(person, salt, 32)
            order = np.argsort(elements.view(">u8")[:, 0])
            tokens = _values(person, salt + 10, 32)
            yield TokenMap(elements=_fixed(elements[order]), tokens=_fixed(tokens[order]))

    return {key: parts(salt) for salt, key in enumerate(schema.keys)}


def _measured(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def _exhaust(things):
    for _ in things:
        pass


def one(rows, keys, *, psi):
    """Seal once and return the figures of this process."""
    schema = _schema(keys)
    tokens = _maps(schema, rows) if psi else {}
    making = _measured(lambda: _exhaust(_chunks(schema, rows)))
    if psi:
        for parts in _maps(schema, rows).values():
            more = _measured(lambda parts=parts: _exhaust(parts))
            making = making[0] + more[0], making[1] + more[1]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu, sealed = _measured(lambda: seal(_chunks(schema, rows), schema, tokens, (1,)))
    return {
        "rows": rows,
        "keys": keys,
        "psi": psi,
        "people": sealed.tables.persons.num_rows,
        "wall_s": round(wall - making[0], 2),
        "cpu_s": round(cpu - making[1], 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "before_mb": before // 1024,
        "digest": sealed.digest,
    }


def main() -> None:
    """Measure each number of keys in a fresh process and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--keys", type=int, nargs="+", default=[1, 3], choices=[1, 2, 3])
    parser.add_argument("--psi", action="store_true")
    parser.add_argument("--one", action="store_true", help="measure in this process, print JSON")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.rows[0], chosen.keys[0], psi=chosen.psi)))
        return
    for rows in chosen.rows:
        for keys in chosen.keys:
            command = [sys.executable, __file__, "--one", "--rows", str(rows), "--keys", str(keys)]
            command += ["--psi"] if chosen.psi else []
            print(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout, end=""
            )


if __name__ == "__main__":
    main()
