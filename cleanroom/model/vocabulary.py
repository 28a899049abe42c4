"""What each consent purpose and each basis means, in our words and in W3C's; knows no policy.

DPV: Data Privacy Vocabulary, version 2, W3C Data Privacy Vocabularies and Controls community
group. policies/purposes.yaml is made of this by `make policy-files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cleanroom.model.consent import Basis

DPV = "https://w3id.org/dpv#"
EU_GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"


class Match(StrEnum):
    """How close a term of DPV is to ours (as in SKOS)."""

    EXACT = "exact"
    BROADER = "broader"  # theirs says more than ours
    RELATED = "related"  # theirs is what is done with data, ours why


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A label, a definition that completes "so that …" or "because …", and a term of DPV."""

    label: str
    definition: str
    iri: str
    match: Match

    @property
    def short(self) -> str:
        """The term's name within DPV, as in dpv:Advertising."""
        prefix = "eu-gdpr" if self.iri.startswith(EU_GDPR) else "dpv"
        return f"{prefix}:{self.iri.rpartition('#')[2]}"


PURPOSE_TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "measurement": Term(
            label="Measuring advertising",
            definition="it is counted, over many people, what advertising did to their purchases",
            iri=f"{DPV}Advertising",
            match=Match.BROADER,
        ),
        "segmentation": Term(
            label="Forming audiences",
            definition="people are counted in groups by what is known of them",
            iri=f"{DPV}Marketing",
            match=Match.BROADER,
        ),
        "personalisation": Term(
            label="Personalisation",
            definition="what a person is shown is chosen for that person",
            iri=f"{DPV}Personalisation",
            match=Match.EXACT,
        ),
        "profiling": Term(
            label="Profiling",
            definition="a profile of a person is made or extended",
            iri=f"{DPV}Profiling",
            match=Match.RELATED,
        ),
        "storage": Term(
            label="Storage on a device",
            definition="information is stored on the person's device, or read from it",
            iri=f"{DPV}Store",
            match=Match.RELATED,
        ),
        "research": Term(
            label="Research and development",
            definition="methods, products and services are studied and improved",
            iri=f"{DPV}ResearchAndDevelopment",
            match=Match.EXACT,
        ),
    }
)

BASIS_TERMS: Mapping[Basis, Term] = MappingProxyType(
    {
        Basis.CONSENT: Term(
            label="Consent",
            definition="the person agreed to it (GDPR, article 6(1)(a))",
            iri=f"{EU_GDPR}A6-1-a",
            match=Match.EXACT,
        ),
        Basis.CONTRACT: Term(
            label="Contract",
            definition="a contract with the person needs it (GDPR, article 6(1)(b))",
            iri=f"{EU_GDPR}A6-1-b",
            match=Match.EXACT,
        ),
        Basis.LEGITIMATE_INTEREST: Term(
            label="Legitimate interest",
            definition="an interest that the person's own does not override, and to which the "
            "person did not object (GDPR, article 6(1)(f))",
            iri=f"{EU_GDPR}A6-1-f",
            match=Match.EXACT,
        ),
    }
)
