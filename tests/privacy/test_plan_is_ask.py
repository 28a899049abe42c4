"""What `plan` says is what `ask` then debits, and the noise that it then draws.

Policies, questions and losses are random. The scales are overheard where noise enters, in the one
door to the mechanism, which goes on to draw; that the scale asked for there is the scale drawn is
D1's part.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from cleanroom.model.question import Ask
from cleanroom.privacy.mechanism import DiscreteGaussian
from cleanroom.usecases import analyse
from privacy.cases import CASES
from privacy.checks import ALPHA, Check, CheckFailed, hold, sized
from privacy.neighbours import base
from privacy.report import planting
from privacy.running import ASKER, ask, open_room
from support.rooms import party

EXAMPLES = sized(60, 3)
COARSE = 2.0  # noise of a smaller scale is not about normal
FEW = {dataset: dict(islice(people.items(), 5)) for dataset, people in base().items()}

MOST = "max_per_person: 1000}"  # of the amount
# A policy's text and what may stand there instead.
EDITS = (
    ("keys: [email, phone, loyalty_id]", ("email", "phone, email", "email, phone, loyalty_id"),
     "keys: [{}]"),
    ("people: 10", ("2", "10", "1000"), "people: {}"),
    ("miss_probability: 1e-2", ("0.5", "1e-2", "1e-9"), "miss_probability: {}"),
    (MOST, ("1", "1000", "40000", "1073741824"), "max_per_person: {}}}"),
    ("delta: 1e-6", ("1e-5", "1e-6", "1e-12"), "delta: {}"),
    ("city: [ufa, kazan, other]", ("ufa, other, kazan", "kazan, ufa, perm, other"), "city: [{}]"),
    ("pool: loyalty", ("loyalty", "another"), "pool: {}"),
)  # fmt: skip


@st.composite
def policies(draw, one):
    text = one.policy.replace(f"keys: [{_keys(one)}]", "keys: [email, phone, loyalty_id]")
    for old, values, form in EDITS:
        assert old in text
        fitting = [v for v in values if old != MOST or int(v) >= _largest(one.question)]
        text = text.replace(old, form.format(draw(st.sampled_from(fitting))))
    return text


def _largest(question):
    """Return the largest amount that a question names, which a policy must allow."""
    cut = [b.edges[-1] for b in getattr(question, "buckets", ()) if b.dimension == "amount"]
    named = (getattr(question, "bound", None), *getattr(question, "grid", ()), *cut)
    return max(filter(None, named), default=0)


def _keys(one):
    return ", ".join(("email", "phone", "loyalty_id")[: one.keys])


losses = st.one_of(
    st.builds(lambda n: {"rho": Fraction(n, 10**9)}, st.integers(1, 10**9)),
    st.builds(lambda n: {"epsilon": Fraction(n, 100)}, st.integers(1, 5_000)),
    st.just({}),
)


class Door:
    """Overhears every draw at the mechanism: (scale, how many), and the noise over its scale."""

    def __init__(self, patch):
        self.drawn: Counter[tuple[float, int]] = Counter()
        self.noise: list[float] = []
        add_noise = DiscreteGaussian.add_noise

        def overheard(mechanism, values):
            noisy = add_noise(mechanism, values)
            self.drawn[mechanism.scale, len(values)] += 1
            if mechanism.scale > COARSE:
                pairs = zip(noisy, values, strict=True)
                self.noise += [(n - v) / mechanism.scale for n, v in pairs]
            return noisy

        patch.setattr(DiscreteGaussian, "add_noise", overheard)


@pytest.mark.parametrize("one", CASES, ids=lambda c: c.name)
def test_what_is_planned_is_what_is_debited_and_drawn(one):
    heard: list[float] = []

    @settings(max_examples=EXAMPLES)
    @given(document=policies(one), loss=losses)
    def holds(document, loss):
        heard.extend(planned_is_asked(one, document, loss))

    holds()
    squares, count = float(np.square(heard).sum()), len(heard)
    for name, value, bound in (
        ("noise above its scale", squares, chi2.isf(ALPHA, count)),
        ("noise below its scale", -squares, -chi2.ppf(ALPHA, count)),
    ):
        hold(
            Check(
                part="plan",
                name=f"{name}: {one.name}",
                statistic=value,
                bound=float(bound),
                draws=count,
                false_alarm=ALPHA,
            )
        )


def planned_is_asked(one, document, loss):
    """Hold that plan and ask agree; return the noise drawn, in units of its scale."""
    room = open_room(document, FEW)
    plan, _ = analyse.plan(
        room.service, party(ASKER), Ask(collaboration="proof", question=one.question, **loss)
    )
    with pytest.MonkeyPatch.context() as patch:
        door = Door(patch)
        run = ask(room, one.question, **loss)
    told, drawn = run.measurement, _as_drawn(plan, run.plan)
    expected = Counter()
    for statistic in (*drawn.pooled, *drawn.statistics):
        expected[statistic.scale, statistic.cells] += len(statistic.released)
    for name, planned, asked in (
        ("debits in the ledger", _debits(plan), _spent(room)),
        ("debits told", _debits(plan), dict(told["debits"])),
        ("scales drawn", expected, door.drawn),
        ("scales told", [(p.name, p.scale) for p in drawn.parameters],
         [(p["name"], p["scale"]) for p in told["parameters"]]),
        ("suppression line", plan.line, told["suppression_line"]),
        ("cells", [list(c) for c in plan.cells], [c["cell"] for c in told["cells"]]),
    ):  # fmt: skip
        differs = float(planned != asked)
        hold(Check(part="plan", name=f"{name}: {one.name}", statistic=differs, bound=0.0))
    return door.noise


def _as_drawn(plan, narrowed):
    """Return the plan that is drawn: of two stages, with the second as the first decides on it.

    Its debits, its line and its first stage are those that were planned.
    """
    if not plan.pooled:
        return plan
    return replace(plan, statistics=narrowed.statistics)


def _debits(plan):
    return {str(ledger): cost for ledger, cost in plan.debits if cost}


def _spent(room):
    return {ledger: spent for ledger, spent in room.spent().items() if spent}


def test_a_plan_that_is_not_what_is_drawn_is_noticed(monkeypatch):
    one = CASES[0]
    real = analyse.plan

    def other(*arguments):
        plan, allowance = real(*arguments)
        finer = tuple(replace(s, scale=s.scale * 1.001) for s in plan.statistics)
        return replace(plan, statistics=finer), allowance

    monkeypatch.setattr(analyse, "plan", other)
    with planting("plan_of_other_scales"), pytest.raises(CheckFailed, match="scales drawn"):
        planned_is_asked(one, one.policy, {"rho": Fraction(1, 10)})
