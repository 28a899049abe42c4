"""What one dataset holds and which rules its owner set, in sentences.

Must not know who may ask, nor how precise answers are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cleanroom.model.buckets import number
from cleanroom.model.dataset import Bounded, Domain, Unit
from cleanroom.model.question import Family
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.prose import chance, counted, listed

FAMILY_NAMES = {
    Family.MATCH_RATE: "match rates",
    Family.SEGMENT_SIZE: "segment sizes",
    Family.SALES_LIFT: "sales lifts",
}
_UNITS = {
    Unit.MINOR: " (money)",
    Unit.COUNT: "",
    Unit.ROWS: " (one for each row)",
}


def dataset_words(policy: Policy, rules: DatasetRules) -> Iterator[str]:
    """Yield what the dataset may be asked about and what its rules are."""
    yield from _columns(rules)
    yield from _breakdowns(rules)
    yield from _limits(rules)
    yield _minimum(policy, rules)


def _columns(rules: DatasetRules) -> Iterator[str]:
    schema = rules.schema
    if schema.dimensions:
        yield f"- Answers may be broken down by {_domains(schema.dimensions)}."
    else:
        yield "- It has no traits to break answers down by."
    for count in schema.counts:
        yield f"- It counts {count.name}: {_bound(count)}."
    for measure in schema.measures:
        yield f"- It adds up {measure.name}{_UNITS[measure.unit]}: {_bound(measure)}."
    if schema.counts or schema.measures:
        yield "- These may be cut into ranges, as in 1-4 and 5+, to break answers down by."
    if rules.arm is not None:
        arm = rules.arm
        yield (
            f"- Its column {arm.column} says who was in a test ({arm.test!r}) and who in the "
            f"control group ({arm.control!r}), which a lift compares."
        )
    if rules.time_column is not None:
        yield f"- Its column {rules.time_column} dates each row: questions may name a period."
    else:
        yield "- Its rows have no time, so no question about it may name a period."
    if schema.filters:
        yield f"- A question may keep only rows with chosen values of {_domains(schema.filters)}."


def _domains(domains: tuple[Domain, ...]) -> str:
    return listed(f"{d.name} ({', '.join(d.values)})" for d in domains)


def _bound(bounded: Bounded) -> str:
    """Return the most and the least that one person counts for."""
    money = bounded.unit is Unit.MINOR
    most = f"one person counts for at most {number(bounded.max_per_person, money=money)}"
    low = bounded.min_per_person
    return f"{most} and for at least {number(low, money=money)}" if low else most


def _breakdowns(rules: DatasetRules) -> Iterator[str]:
    for family in Family:
        if family in rules.breakdowns:
            columns = rules.breakdowns[family]
            if columns:
                yield f"- {FAMILY_NAMES[family].capitalize()} may be broken down only by {listed(columns)}."
            else:
                yield f"- {FAMILY_NAMES[family].capitalize()} may not be broken down by any of it."


def _limits(rules: DatasetRules) -> Iterator[str]:
    limits = rules.limits
    most = []
    if limits.filters_per_question is not None:
        most.append(counted(limits.filters_per_question, "filter", "filters"))
    if limits.breakdowns_per_question is not None:
        most.append(counted(limits.breakdowns_per_question, "breakdown", "breakdowns"))
    if most:
        yield f"- One question may have at most {listed(most)}."
    if limits.questions is not None:
        questions = counted(limits.questions.most, "new question", "new questions")
        days = counted(limits.questions.days, "day", "days")
        yield f"- Each asker may ask at most {questions} within any {days}."


def _minimum(policy: Policy, rules: DatasetRules) -> str:
    name = rules.schema.name
    by_family = {f: policy.minimum([name], f) for f in Family}
    rule = by_family[Family.MATCH_RATE]
    people = _people({f: m.people for f, m in by_family.items()})
    whose = "" if rules.minimum else " It sets no minimum of its own, so the strictest holds."
    return (
        f"- A figure about fewer than {people} is withheld; that fails with a chance of at most "
        f"{chance(rule.miss_probability)}.{whose}"
    )


def _people(by_family: Mapping[Family, int]) -> str:
    least = min(by_family.values())
    more = [f"{n:,} for {FAMILY_NAMES[f]}" for f, n in by_family.items() if n > least]
    return f"{least:,} people{f' ({listed(more)})' if more else ''}"
