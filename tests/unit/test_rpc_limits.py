"""Token buckets and the pace of answers, on a clock of the test."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.canonical import canonical_json
from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from cleanroom.model.dataset import MAX_CELLS
from cleanroom.model.errors import TooManyRequests
from cleanroom.model.events import MAX_VALUE
from cleanroom.model.names import MAX_DIMENSIONS
from cleanroom.rpc.limits import Pace, Streams, TokenBuckets
from cleanroom.rpc.server import MAX_ANSWER_BYTES
from cleanroom_client.transport import MAX_ANSWER_BYTES as CLIENT_TAKES
from support.allowances import match_rate, overlap, sales_lift


class Time:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += seconds


def test_a_burst_passes_and_the_next_call_is_told_when_to_return():
    time = Time()
    buckets = TokenBuckets(per_second=0.5, burst=3, monotonic=time.monotonic)
    for _ in range(3):
        buckets.take("acme")
    with pytest.raises(TooManyRequests) as refused:
        buckets.take("acme")
    assert refused.value.retry_after_s == 2
    time.now += refused.value.retry_after_s
    buckets.take("acme")


def test_one_caller_does_not_use_up_anothers_bucket():
    buckets = TokenBuckets(per_second=1, burst=1, monotonic=Time().monotonic)
    buckets.take("acme")
    with pytest.raises(TooManyRequests):
        buckets.take("acme")
    buckets.take("megamart")


def test_an_idle_bucket_holds_no_more_than_the_burst():
    time = Time()
    buckets = TokenBuckets(per_second=100, burst=2, monotonic=time.monotonic)
    buckets.take("acme")
    time.now += 1000
    buckets.take("acme")
    buckets.take("acme")
    with pytest.raises(TooManyRequests):
        buckets.take("acme")


@given(took=st.floats(0, 5), quantum=st.sampled_from([0.01, 0.05, 0.5]))
def test_answers_leave_at_multiples_of_the_quantum(took, quantum):
    time = Time()
    came_at = time.now
    time.now += took
    Pace(quantum_s=quantum, monotonic=time.monotonic, sleep=time.sleep).hold(came_at)
    periods = (time.now - came_at) / quantum
    assert abs(periods - round(periods)) < 1e-6
    assert time.now >= came_at + took - 1e-9


def test_without_a_quantum_answers_leave_at_once():
    time = Time()
    Pace(quantum_s=0, monotonic=time.monotonic, sleep=time.sleep).hold(99.0)
    assert time.now == 100.0


def test_a_caller_has_only_so_many_streams_at_once():
    streams = Streams(per_caller=2)
    with streams.held("acme"), streams.held("megamart"):
        with streams.held("acme", "a"), streams.held("acme", "a"), streams.held("acme", "b"):
            pass  # another kind has a count of its own
        with streams.held("acme"), pytest.raises(TooManyRequests), streams.held("acme"):
            pass
        with streams.held("acme"):
            pass


def test_a_stream_that_fails_is_counted_no_longer():
    streams = Streams(per_caller=1)
    for _ in range(3):
        with pytest.raises(KeyError), streams.held("acme"):
            raise KeyError


@pytest.mark.parametrize("asked", [sales_lift(), match_rate(stages=6)])
def test_the_answer_to_the_largest_question_fits_a_message(asked):
    """What was paid for must be able to arrive: the longest cell, as often as there may be cells."""
    planned = plan(asked, 1_000_000)
    noisy = Statistics(values={n: (2**53 - 1,) * len(planned.cells) for n in planned.released})
    longest = max(len(canonical_json({"cell": asdict(cell)})) for cell in estimate(planned, noisy))
    names = MAX_DIMENSIONS * 4 * MAX_VALUE  # in UTF-8
    # In a receipt the measurement is a text in JSON, whose quotes are escaped.
    assert 1.5 * (longest + names) * MAX_CELLS < MAX_ANSWER_BYTES
    assert CLIENT_TAKES == MAX_ANSWER_BYTES


def test_the_answer_to_the_largest_overlap_fits_a_message():
    """Patterns count as cells of a policy's decision, so there are fewer of the larger ones."""
    for others in (2, 3, 4):
        asked = overlap(others=others)
        planned = plan(asked, 1_000_000)
        most = dict.fromkeys(planned.released, (2**53 - 1,))
        (cell,) = estimate(planned, Statistics(values=most))
        longest = len(canonical_json({"cell": asdict(cell)})) + MAX_DIMENSIONS * 4 * MAX_VALUE
        assert 1.5 * longest * MAX_CELLS / len(planned.released) < MAX_ANSWER_BYTES
