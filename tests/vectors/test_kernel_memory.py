"""No path of the native kernel reads or writes outside its buffers, shown by gcc's sanitizers."""

from __future__ import annotations

import os
import re
import secrets
import sys

import pytest

from support.kernels import (
    DRIVERS,
    NATIVE,
    PATHS,
    compile_sanitized,
    link_sanitized,
    needs_kernel,
    run_sanitized,
    sanitizer_compiler,
)

ROUNDS = 2_000 if os.environ.get("CLEANROOM_SLOW") else 12
_SEED = secrets.randbits(63)
_PLANTED_SEED = 9380  # what was planted must be found every time
# The second is its name for a wide access that begins inside the buffer.
_OVERFLOW = re.compile(r"ERROR: AddressSanitizer: (heap-buffer-overflow|unknown-crash)")

pytestmark = needs_kernel

# `array` holds exactly its items, where bytes have one more: the sanitizer sees every byte beyond.
_EXTENSION = """
import secrets, sys
from array import array
sys.path.insert(0, sys.argv[1])
import _kernel

def exact(n, shift):
    return memoryview(array("B", secrets.token_bytes(shift + n)))[shift:]

for path in _kernel.paths():
    for n in (*range(20), 65, 513):
        points = array("B", b"".join(secrets.token_bytes(31) + b"\\x11" for _ in range(n)))
        assert _kernel.find_bad(points) == -1
        _kernel.multiply(path, points, exact(32, n % 9))
        items = exact(32 * n, n % 9)
        every_32 = array("q", range(0, 32 * n + 1, 32))
        uneven = array("q", (i * i % 300 + 3 * i for i in range(n)))
        uneven = array("q", (*sorted(uneven), max((0, *uneven))))
        for tag in (1, 43, 75, 76, 221, 255):
            hashed = _kernel.hash_to_curve(path, items, exact(tag, n % 5))
            _kernel.hash_to_curve_many(path, items, every_32, exact(tag, n % 5))
            _kernel.hash_to_curve_many(path, exact(uneven[-1], 1), uneven, exact(tag, 0))
            for wrong in (every_32[1:] + every_32[:1], every_32[:-1] + array("q", [32 * n + 1])):
                try:
                    _kernel.hash_to_curve_many(path, items, wrong, b"t")
                except ValueError:
                    continue
                assert n == 0 and wrong == array("q", [0])
print("clean")
"""


@pytest.fixture(name="objects", scope="module")
def _objects(tmp_path_factory):
    """Every source of the kernel and the driver, compiled with the sanitizers, by name."""
    folder = tmp_path_factory.mktemp("kernel") / "objects"
    built = compile_sanitized(folder, [*sorted(NATIVE.glob("*.c")), DRIVERS / "kernel_driver.c"])
    return {one.stem: one for one in built}


def _without(objects, *names):
    return [one for name, one in objects.items() if name not in names]


def _run_driver(tmp_path, objects, seed=_SEED, rounds=ROUNDS):
    driver = link_sanitized(tmp_path / "driver", objects)
    return run_sanitized([driver, seed, rounds])


def test_random_input_in_exact_buffers_is_handled_alike_and_within_bounds(tmp_path, objects):
    done = _run_driver(tmp_path, _without(objects, "module"))
    assert (done.returncode, done.stdout) == (0, "clean\n"), f"seed {_SEED}: {done.stderr[-3000:]}"


def test_the_extension_stays_within_its_buffers(tmp_path, objects):
    link_sanitized(tmp_path / "_kernel.abi3.so", _without(objects, "kernel_driver"), "-shared")
    _, library = sanitizer_compiler()
    command = [sys.executable, "-c", _EXTENSION, tmp_path]
    done = run_sanitized(command, LD_PRELOAD=library, PYTHONMALLOC="malloc")
    assert (done.returncode, done.stdout) == (0, "clean\n"), done.stderr[-3000:]


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("portable_hash", "m->data + POINT * i,", "m->data + POINT * i + 1,"),
        ("portable_hash", "m->data + from, to - from)", "m->data + from, to - from + 1)"),
        (
            "expansion",
            "memcpy(s->bytes + 3, dst, dst_bytes)",
            "memcpy(s->bytes + 3, dst, dst_bytes + 1)",
        ),
    ],
    ids=["an identity", "a message", "a tag"],
)
def test_reading_one_byte_too_many_is_found(tmp_path, objects, source, before, after):
    done = _run_driver(tmp_path, _planted(tmp_path, objects, source, before, after), _PLANTED_SEED)
    assert done.returncode != 0
    assert _OVERFLOW.search(done.stderr)
    assert "READ of size" in done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("load_words(w, identities, POINT)", "load_words(w, identities + 1, POINT)"),
        ("identities, POINT * lanes)", "identities, POINT * lanes + 1)"),
        (
            "write_block(block[lane], s, m->data + from, n, ",
            "write_block(block[lane], s, m->data + from, n + 1, ",
        ),
        ("fe8_store(lanes < LANES ? all : out, x)", "fe8_store(lanes < LANES ? all : out + 1, x)"),
        ("memcpy(out, all, POINT * lanes)", "memcpy(out, all, POINT * lanes + 1)"),
    ],
    ids=["eight identities", "fewer identities", "a message", "eight points", "fewer points"],
)
def test_one_byte_too_many_is_found_in_the_lanes(tmp_path, objects, before, after):
    if "avx512ifma" not in PATHS:
        pytest.skip("this machine has no AVX-512 IFMA")
    done = _run_driver(
        tmp_path, _planted(tmp_path, objects, "ifma_hash", before, after), _PLANTED_SEED
    )
    assert done.returncode != 0
    assert _OVERFLOW.search(done.stderr)


def _planted(tmp_path, objects, source, before, after):
    """Return the driver's objects with one expression of one source changed."""
    text = (NATIVE / f"{source}.c").read_text()
    assert text.count(before) == 1
    (tmp_path / f"{source}.c").write_text(text.replace(before, after))
    changed = compile_sanitized(tmp_path / "changed", [tmp_path / f"{source}.c"])
    return [*_without(objects, "module", source), *changed]
