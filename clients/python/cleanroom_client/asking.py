"""Planning and asking: one request id for a question, every receipt verified before it is read."""

from __future__ import annotations

from collections.abc import Iterable

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.aim import Aim
from cleanroom_client.answered import answers
from cleanroom_client.comparing import Compared, Comparison, PlannedComparison, put_to_each
from cleanroom_client.errors import ReceiptRefused
from cleanroom_client.measurement import Measurement
from cleanroom_client.plan import Plan
from cleanroom_client.question import Loss, Question
from cleanroom_client.session import Session
from cleanroom_client.values import RequestSummary


def plan(session: Session, question: Question, loss: Loss, aim: Aim) -> Plan:
    """Return what the question would cost and how precise it would be; touches no data."""
    request = pb.PlanAnalysisRequest(analysis=_analysis(session, question, loss))
    aim.fill(request)
    answer = session.transport.call(session.analyses.PlanAnalysis, request)
    return Plan.from_proto(question.family, answer)


def ask(session: Session, question: Question, loss: Loss, request_id: str) -> Measurement:
    """Ask under a request id; the same id again gets the same answer and is never debited twice.

    Raises ReceiptRefused for an answer that does not prove itself or answers something else,
    and what a call may raise.
    """
    analysis = _analysis(session, question, loss)
    request = pb.RunAnalysisRequest(request_id=request_id, analysis=analysis)
    answer = session.transport.call(session.analyses.RunAnalysis, request)
    measurement = Measurement.from_receipt(answer.receipt, session.profile.log_key)
    _check_answers(analysis, measurement)
    return measurement


def compare(
    session: Session, question: Compared, providers: Iterable[str], loss: Loss, base: str
) -> Comparison:
    """Ask the same of several providers' datasets; refusals of one are kept beside the answers.

    The same base id again asks only what was not answered. Raises QuestionInvalid, and as `ask`.
    """
    found = put_to_each(question, providers, base, lambda q, name: ask(session, q, loss, name))
    return Comparison(request_id=base, providers=found)


def plan_comparison(
    session: Session, question: Compared, providers: Iterable[str], loss: Loss, aim: Aim
) -> PlannedComparison:
    """Return what a comparison would cost and how precise each answer would be, as assumed.

    Touches no data and no budget. A wish that is out of reach for one stands beside the others.
    """
    found = put_to_each(question, providers, "plan", lambda q, _: plan(session, q, loss, aim))
    return PlannedComparison(providers=found)


def get(session: Session, request_id: str) -> Measurement:
    """Return the stored answer of one of the caller's requests; raises as `ask` does."""
    request = pb.GetAnalysisRequest(
        collaboration=session.profile.collaboration, request_id=request_id
    )
    answer = session.transport.call(session.analyses.GetAnalysis, request)
    return Measurement.from_receipt(answer.receipt, session.profile.log_key)


def history(session: Session) -> tuple[RequestSummary, ...]:
    """Return the caller's requests, oldest first."""
    request = pb.ListAnalysesRequest(collaboration=session.profile.collaboration)
    answer = session.transport.call(session.analyses.ListAnalyses, request)
    return tuple(RequestSummary.from_proto(summary) for summary in answer.analyses)


def _analysis(session: Session, question: Question, loss: Loss) -> pb.Analysis:
    return question.to_proto(session.profile.collaboration, loss)


def _check_answers(analysis: pb.Analysis, measurement: Measurement) -> None:
    """Refuse a genuine receipt of another question."""
    if not answers(analysis, measurement.collaboration, measurement.question):
        raise ReceiptRefused("the receipt is genuine, but it answers another question")
