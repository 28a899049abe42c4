"""A policy's terms as messages; must not know who asks for them."""

from __future__ import annotations

from cleanroom.model.dataset import Bounded, Domain
from cleanroom.policy.document import ArmColumn, DatasetRules, Policy
from cleanroom.v1 import collaboration_pb2 as pb


def terms_of(policy: Policy) -> pb.Terms:
    """Return what a partner's software needs of a policy, so that it need not read YAML."""
    return pb.Terms(
        policy_digest=policy.digest,
        scheme=str(policy.matching.scheme),
        normalisation=policy.matching.normalisation,
        default_region=policy.matching.default_region or "",
        keys=[str(k) for k in policy.matching.keys],
        parties=[
            pb.PartyTerms(name=p.name, role=str(p.role), may_ask=sorted(str(f) for f in p.may_ask))
            for p in policy.parties
        ],
        datasets=[_dataset(d) for d in policy.datasets],
        owners=policy.owners(),
        consent_bases=[str(basis) for basis in policy.consent.bases],
        base_purpose=policy.consent.base or "",
    )


def _dataset(rules: DatasetRules) -> pb.DatasetTerms:
    schema = rules.schema
    return pb.DatasetTerms(
        name=schema.name,
        owner=schema.owner,
        dimensions=[_domain(d) for d in schema.dimensions],
        arm=_arm(rules.arm) if rules.arm else None,
        counts=[_measure(b) for b in schema.counts],
        measures=[_measure(b) for b in schema.measures],
        filters=[_domain(d) for d in schema.filters],
        timed=schema.timed,
    )


def _arm(arm: ArmColumn) -> pb.ArmColumn:
    return pb.ArmColumn(column=arm.column, test=arm.test, control=arm.control)


def _domain(domain: Domain) -> pb.Domain:
    return pb.Domain(name=domain.name, values=domain.values)


def _measure(bounded: Bounded) -> pb.Measure:
    return pb.Measure(
        name=bounded.name,
        unit=str(bounded.unit),
        max_per_person=bounded.max_per_person,
        min_per_person=bounded.min_per_person,
    )
