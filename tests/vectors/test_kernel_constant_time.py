"""No branch and no address of the ladders depends on the scalar, and a planted one is found."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom_client.blinding.kernel import available
from support.native_builds import NATIVE, build, copy_with

POINT = bytes([9]) + bytes(31)
LADDERS = ("plain", "adx", "avx2")  # valgrind's processor runs them all
BIT = "k[t >> 3] >> (t & 7) & 1"  # how every ladder takes a bit of its scalar
PLANTS = {
    "branch": "static inline uint64_t look_branch(uint64_t b)"
    ' { if (b) __asm__ volatile("nop"); return b; }',
    "address": "static inline uint64_t look_address(uint64_t b)"
    " { static const volatile uint64_t same[2] = {0, 1}; return same[b]; }",
}
INSTRUCTIONS = 1_000_000 if os.environ.get("CLEANROOM_SLOW") else 15_000  # the least: 20 bits

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the ladders are checked on x86-64"
)
ifma = pytest.mark.skipif(
    "avx512ifma" not in available(), reason="the processor has no AVX-512 IFMA, or no compiler"
)


def _memcheck(built, ladder, scalar):
    return subprocess.run(
        [
            *("valgrind", "-q", "--error-exitcode=9"),
            *(built, ladder, scalar.hex(), POINT.hex()),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def _build_for_memcheck(folder, native, level):
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    sources = ("adx.c", "avx2.c", "expansion.c")
    return build("secret_scalar", folder, native=native, sources=sources, flags=(level, "-g"))


def test_memcheck_finds_nothing_that_depends_on_the_scalar(tmp_path):
    built, scalar = _build_for_memcheck(tmp_path, NATIVE, "-O3"), secrets.token_bytes(32)
    key = X25519PrivateKey.from_private_bytes(scalar)
    product = key.exchange(X25519PublicKey.from_public_bytes(POINT))
    for ladder in LADDERS:
        done = _memcheck(built, ladder, scalar)
        assert (done.returncode, done.stdout) == (0, product.hex()), done.stderr[-3000:]


def test_memcheck_finds_a_planted_branch_and_a_planted_address_in_every_ladder(tmp_path):
    planted = f"look_address(look_branch({BIT}))"
    native = copy_with(tmp_path, BIT, planted, helper="\n".join(PLANTS.values()))
    built = _build_for_memcheck(tmp_path, native, "-O1")
    for ladder in LADDERS:
        done = _memcheck(built, ladder, secrets.token_bytes(32))
        assert done.returncode == 9
        assert "depends on uninitialised" in done.stderr
        assert "Use of uninitialised" in done.stderr


_ADDRESS = re.compile(r"\(([^)]*)\)")


def _operands(built):
    """Return the registers that address an operand, by the instruction's address."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", built], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    for line in listing.splitlines():
        at, _, text = line.partition(":\t")
        text = text.partition("#")[0].partition("<")[0]
        if at.strip() and not text.startswith(("lea", "nop")):
            used = _ADDRESS.findall(text)
            found[at.strip()] = {r for part in used for r in re.findall(r"%(\w+)", part)}
    return found


def _addressed_by_a_difference(folder, native, level):
    """Return how two random scalars part, or the instructions whose operands they address."""
    if not shutil.which("objdump"):
        pytest.skip("objdump is not installed")
    flags = (level, "-static", "-no-pie")
    sources = ("ifma.c", "expansion.c")
    built = build("lockstep", folder, native=native, sources=sources, flags=flags)
    scalars = [bytes(31) + b"\x55", secrets.token_bytes(31) + b"\x2a"]
    done = subprocess.run(
        [built, *(s.hex() for s in scalars), POINT.hex(), str(INSTRUCTIONS)],
        capture_output=True,
        text=True,
        check=False,
    )
    head, *lines = done.stdout.splitlines() or [""]
    if head.endswith(" of 0") or done.returncode not in {0, 1}:
        pytest.skip("this system cannot step through a program")
    if done.returncode:
        return [head]
    operands = _operands(built)
    traced = {at: set(registers) for at, *registers in map(str.split, lines)}
    assert len(traced) > 300, "the ladder was not traced"
    assert not any("rsp" in registers for registers in traced.values())
    return [at for at, registers in traced.items() if operands.get(at, set()) & registers]


@ifma
def test_two_scalars_take_the_same_instructions_and_addresses_with_ifma(tmp_path):
    assert _addressed_by_a_difference(tmp_path, NATIVE, "-O3") == []


@ifma
@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_dependence_parts_two_scalars_with_ifma(tmp_path, plant):
    native = copy_with(tmp_path, BIT, f"look_{plant}({BIT})", helper=PLANTS[plant])
    found = _addressed_by_a_difference(tmp_path, native, "-O1")
    assert found
    assert found[0].startswith("parted after") == (plant == "branch")
