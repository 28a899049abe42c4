"""The policy of a campaign whose lifts are asked for in every way; its budget hardly ends."""

from __future__ import annotations

POLICY = """\
version: cleanroom/v1
collaboration: spring
valid: {from: 2020-01-01, until: 2199-12-31}
parties:
  acme-brand: {role: advertiser, may_ask: [sales_lift]}
  megamart: {role: retailer, may_ask: [sales_lift]}
matching:
  scheme: sha256
  allow_unsalted: true
  normalisation: uid2-2026
  keys: [email]
datasets:
  exposures:
    owner: acme-brand
    dimensions: {segment: [cooks, other]}
    arm: {column: arm, test: test, control: control}
    counts: {impressions: {max_per_person: 50}}
  sales:
    owner: megamart
    time: {column: occurred_at}
    measures:
      amount: {unit: minor, max_per_person: 3000, min_per_person: -500}
      visits: {unit: rows, max_per_person: 20}
    event_filters: {category: [hair-colour, hair-care, other]}
    minimum_aggregation: {people: 20, miss_probability: 1e-3}
    privacy: {pool: loyal, definition: zcdp, epsilon: 1000, delta: 1e-6, per_question: 60}
    consent: {match_rate: [measurement], sales_lift: [measurement]}
retention: {datasets_days: 90, measurements_days: 730}
"""
