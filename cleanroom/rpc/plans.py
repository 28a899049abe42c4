"""Plans, and what is assumed and wished of them, between protobuf and the model."""

from __future__ import annotations

from fractions import Fraction

from cleanroom.analysis.plan import Plan
from cleanroom.analysis.power import Detectable, Outlook, half_width
from cleanroom.model.aim import POWER, SIGNIFICANCE, Aim, Assumption, Wish
from cleanroom.model.allowance import Allowance, LedgerTerms
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.measurement import Figure
from cleanroom.privacy.loss import epsilon_of, nano_rho_text
from cleanroom.privacy.mechanism import NAME as MECHANISM
from cleanroom.rpc.text import decimal_text
from cleanroom.v1 import analysis_pb2 as pb


def read_aim(request: pb.PlanAnalysisRequest) -> Aim | None:
    """Return what is assumed and wished, if anything is; raises FieldInvalid."""
    if not request.HasField("assume"):
        if request.HasField("wish") or request.power or request.significance:
            raise FieldInvalid(
                field="assume", expected="numbers of people: precision depends on them"
            )
        return None
    return Aim(
        assumed=_assumption(request.assume),
        wish=_wish(request.wish) if request.HasField("wish") else None,
        power=request.power or POWER,
        significance=request.significance or SIGNIFICANCE,
    )


def _assumption(message: pb.Assumption) -> Assumption:
    return Assumption(
        people=message.people,
        matched=message.matched if message.HasField("matched") else None,
        rate=message.rate if message.HasField("rate") else None,
        mean=message.mean if message.HasField("mean") else None,
        sd=message.sd if message.HasField("sd") else None,
        correlation=message.correlation if message.HasField("correlation") else None,
        exposed=message.exposed if message.HasField("exposed") else None,
        visits=message.visits if message.HasField("visits") else None,
        visits_sd=message.visits_sd if message.HasField("visits_sd") else None,
    )


def _wish(message: pb.Wish) -> Wish:
    return Wish(figure=message.figure, half_width=message.half_width)


def write_plan(
    plan: Plan, allowance: Allowance, outlook: Outlook | None
) -> pb.PlanAnalysisResponse:
    """Return a plan as its message, with what it would bring where something was assumed."""
    terms = {t.ledger: t for t in allowance.ledgers}
    return pb.PlanAnalysisResponse(
        debits=[_debit(terms[ledger], cost) for ledger, cost in plan.debits],
        statistics=[
            pb.PlannedStatistic(
                name=p.name, noise_sd=p.scale, contribution_bound=p.contribution_bound
            )
            for p in plan.parameters
        ],
        suppression_line=plan.line,
        minimum_people=plan.minimum.people,
        cells=len(plan.cells),
        level=plan.level,
        mechanism=MECHANISM,
        rho=nano_rho_text(plan.nano_rho),
        expected=[_expected(f) for f in outlook.figures] if outlook else [],
        detectable=[_detectable(d) for d in outlook.detectable] if outlook else [],
        suppressed=outlook.suppressed if outlook else False,
    )


def _debit(terms: LedgerTerms, cost: int) -> pb.PlannedDebit:
    epsilon = epsilon_of(cost, terms.delta) if cost else Fraction(0)
    return pb.PlannedDebit(
        ledger=str(terms.ledger),
        nano_rho=cost,
        epsilon=decimal_text(epsilon),
        delta=decimal_text(terms.delta),
    )


def _expected(figure: Figure) -> pb.ExpectedFigure:
    if figure.value is None:
        return pb.ExpectedFigure(
            name=figure.name, unit=figure.unit, undefined=figure.undefined or "no value"
        )
    return pb.ExpectedFigure(
        name=figure.name,
        unit=figure.unit,
        value=figure.value,
        half_width=half_width(figure),
        noise_sd=figure.noise_sd,
        sampling_se=figure.sampling_se,
    )


def _detectable(found: Detectable) -> pb.DetectableLift:
    return pb.DetectableLift(
        figure=found.figure,
        unit=found.unit,
        absolute=found.absolute,
        relative=found.relative,
        undefined=found.undefined or "",
    )
