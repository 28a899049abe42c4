"""The policy under which uploads are timed: two parties, e-mails, psi."""

from __future__ import annotations

POLICY = b"""\
version: cleanroom/v1
collaboration: c
valid: {from: 2020-01-01, until: 2199-12-31}
parties:
  acme-brand: {role: advertiser, may_ask: [match_rate]}
  megamart: {role: retailer, may_ask: [match_rate]}
matching: {scheme: psi, normalisation: uid2-2026, keys: [email]}
datasets:
  audience:
    owner: acme-brand
  customers:
    owner: megamart
    minimum_aggregation: {people: 20, miss_probability: 1e-3}
    privacy:
      {pool: loyalty, definition: zcdp, epsilon: 4, delta: 1e-7, per_question: 1.1, renew: never}
    consent: {match_rate: [measurement]}
retention: {datasets_days: 90, measurements_days: 730}
"""
