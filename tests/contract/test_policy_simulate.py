"""Past questions put to another policy: what flips, what is told less, and what is never kept."""

from dataclasses import replace
from fractions import Fraction

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import BudgetExhausted, DatasetNotSealed, QuestionRefused
from cleanroom.model.question import Ask, MatchRate, SalesLift, SegmentSize
from cleanroom.policy.parse import parse_policy
from cleanroom.usecases.noted import noted
from cleanroom.usecases.past import past_of_store, past_questions
from cleanroom.usecases.simulate import Outcome, simulate
from support.policies import edited
from support.rooms import DAY, Room

# Answers of a small room: everybody may be told, at little noise.
SMALL = (
    ("2026-03-01", "2026-01-01"),
    ("people: 50", "people: 20"),
    ("epsilon: 4, delta: 1e-7, per_question: 0.5", "epsilon: 400, delta: 1e-7, per_question: 20"),
)
POLICY = edited(*SMALL)
RATE = MatchRate(datasets=("exposures", "sales"))
CITIES = SegmentSize(datasets=("exposures",), by=("city",))
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("city",))
SECRET = "anna.ivanova@example.com"


@pytest.fixture
def room(tmp_path):
    """90 people in ufa, 45 in kazan, none elsewhere."""
    return fill(Room.open(tmp_path, POLICY, in_memory=True))


def fill(made):
    people = [{"email": f"e{i}"} for i in range(135)]
    cities = [0] * 90 + [1] * 45
    arms = [
        p | {"city": c, "segment": 0, "arm": i % 2}
        for i, (p, c) in enumerate(zip(people, cities, strict=True))
    ]
    made.fill(exposures=arms, sales=[p | {"amount": 100} for p in people])
    return made


def put(room, *edits):
    """The outcomes of the room's questions under its policy with edits."""
    past, known = past_of_store(room.service.store, room.policy.collaboration)
    new = parse_policy(edited(*SMALL, *edits).encode(), "next.yaml")
    return list(simulate(past, new, known))


def entries(room):
    store = room.service.store
    size = store.read(lambda tx: tx.log.size())
    return [decode_entry(e) for e in store.read(lambda tx: tx.log.entries(0, size))]


def test_under_the_same_policy_everything_is_as_it_was(room):
    room.ask("acme-brand", RATE)
    room.ask("acme-brand", CITIES, epsilon=Fraction(2))
    with pytest.raises(QuestionRefused):
        room.ask("megamart", LIFT)
    found = put(room, ("parties:\n", "parties:  # who take part\n"))
    assert [r.outcome for r in found] == [Outcome.SAME, Outcome.SAME, Outcome.STILL_REFUSED]
    assert all(not r.changes and not r.withheld for r in found)


def test_a_higher_minimum_names_the_told_cells_that_fall_below_the_new_line(room):
    room.ask("acme-brand", CITIES)
    room.ask("acme-brand", RATE)
    cities, rate = put(room, ("people: 20", "people: 60"))
    assert (cities.outcome, cities.withheld) == (Outcome.LESS, ("kazan",))
    assert cities.changes[0].endswith("as its minimum is 60 instead of 20")
    # All 135 are told still, but by another line.
    assert (rate.outcome, rate.withheld) == (Outcome.OTHERWISE, ())
    (all_, _) = put(room, ("people: 20", "people: 120"))
    assert all_.withheld == ("the whole answer",)


def test_a_grant_that_is_taken_back_refuses_and_says_by_which_line(room):
    room.ask("acme-brand", LIFT)
    (lift,) = put(room, (", segment_size, sales_lift]", ", segment_size]"))
    assert lift.outcome is Outcome.REFUSED
    assert lift.reasons == ("parties.acme-brand.may_ask does not include sales_lift (next.yaml:7)",)


def test_a_grant_answers_what_was_refused(room):
    with pytest.raises(QuestionRefused):
        room.ask("megamart", LIFT)
    grant = (
        "retailer,      may_ask: [match_rate]",
        "retailer,      may_ask: [match_rate, sales_lift]",
    )
    (lift,) = put(room, grant)
    assert lift.outcome is Outcome.ANSWERED
    assert "may_ask does not include sales_lift" in lift.reasons[0]


def test_a_lower_limit_for_a_question_is_less_loss_and_more_noise(room):
    room.ask("acme-brand", CITIES)
    room.ask("acme-brand", RATE, epsilon=Fraction(15))
    cities, rate = put(room, ("per_question: 20", "per_question: 10"))
    # Asked for the most that one may take, it is asked for the most of the new policy.
    assert cities.outcome is not Outcome.REFUSED
    assert any(
        c.startswith("it costs less: acme-brand/spring-campaign pays") for c in cities.changes
    )
    assert any(c.startswith("a number of people is told to ± ") for c in cities.changes)
    # Asked for epsilon 15, it asks for too much.
    assert rate.outcome is Outcome.REFUSED
    assert "one question may take rho" in rate.reasons[0]


def test_a_smaller_budget_is_used_up_in_the_order_of_the_questions(room):
    for number in range(4):
        room.ask("acme-brand", CITIES, epsilon=Fraction(20 - number))
    found = put(room, ("epsilon: 400, delta", "epsilon: 40, delta"))
    assert found[0].outcome is Outcome.SAME
    assert found[-1].outcome is Outcome.REFUSED
    assert found[-1].reasons == (
        "the budget of ledgers/acme-brand/spring-campaign would be used up by then",
    )


def test_a_limit_of_questions_counts_those_that_it_allowed(room):
    for number in range(3):
        room.service.clock.now += DAY
        room.ask("acme-brand", RATE, epsilon=Fraction(20 - number))
    limit = (
        "    owner: megamart\n",
        "    owner: megamart\n    limits: {questions: {most: 1, days: 2}}\n",
    )
    assert [r.outcome for r in put(room, limit)] == [Outcome.SAME, Outcome.REFUSED, Outcome.SAME]


def test_other_purposes_other_cells_and_other_bounds_are_told(room):
    room.ask("acme-brand", LIFT)
    (lift,) = put(
        room,
        ("sales_lift: [measurement]", "sales_lift: [measurement, research]"),
        ("city: [ufa, kazan, other]", "city: [ufa, other]"),
        ("max_per_person: 1500000", "max_per_person: 1000"),
    )
    assert "only people who also agreed to research" in lift.changes
    assert "it has 2 cells instead of 3, or other ones" in lift.changes
    assert "one person counts from 0 to 1,000 instead of from 0 to 1,500,000" in lift.changes


def test_a_question_is_put_on_the_first_day_of_a_policy_that_begins_later(room):
    room.ask("acme-brand", RATE)
    (later,) = put(room, ("from: 2026-01-01", "from: 2026-08-01"))
    assert later.outcome is Outcome.SAME
    (ended,) = put(room, ("until: 2026-09-30", "until: 2026-05-01"))
    assert ended.outcome is Outcome.REFUSED
    assert "valid.until is 2026-05-01" in ended.reasons[0]


def test_a_dataset_that_was_not_sealed_stays_refused(tmp_path):
    empty = Room.open(tmp_path, POLICY, in_memory=True)
    with pytest.raises(DatasetNotSealed):
        empty.ask("acme-brand", RATE)
    (found,) = put(empty)
    assert found.outcome is Outcome.STILL_REFUSED
    assert "has no version sealed" in found.reasons[0]


def test_free_text_of_a_question_is_not_kept_and_the_question_is_not_guessed(room):
    filters = (("category", ("hair-care", SECRET)), ("brand", (SECRET,)))
    with pytest.raises(QuestionRefused):
        room.ask("acme-brand", replace(LIFT, filters=filters))
    store = room.service.store
    size = store.read(lambda tx: tx.log.size())
    data = b"".join(store.read(lambda tx: tx.log.entries(0, size)))
    assert b"ivanova" not in data
    entry = entries(room)[-1]
    assert entry.kind is EntryKind.QUESTION_REFUSED
    assert entry.fields["values_left_out"] == 2
    assert entry.fields["question"]["filters"] == [["category", ["hair-care"]]]
    (found,) = put(room)
    assert found.outcome is Outcome.UNKNOWN
    assert "does not keep 2 of its values" in found.reasons[0]


def test_a_question_that_is_too_long_is_refused_logged_and_not_kept(room):
    values = tuple(f"value-{i:04}" for i in range(1_000))
    declared = ", ".join(values)
    wide = edited(*SMALL, ("[hair-colour, hair-care, other]", f"[{declared}]"))
    assert parse_policy(wide.encode()).dataset("sales").schema.filters[0].values == values
    ask = Ask(collaboration="spring-campaign", question=replace(LIFT, filters=(("category", values),)))  # fmt: skip
    assert noted(ask, parse_policy(wide.encode())) == {"offered": {}}


def test_an_exhausted_budget_is_tried_anew(tmp_path):
    poor = edited(*SMALL, ("epsilon: 400, delta", "epsilon: 20, delta"))
    made = fill(Room.open(tmp_path, poor, in_memory=True))
    made.ask("acme-brand", CITIES)
    with pytest.raises(BudgetExhausted):
        made.ask("acme-brand", CITIES, epsilon=Fraction(19))
    past, known = past_of_store(made.service.store, "spring-campaign")
    first, second = simulate(past, parse_policy(POLICY.encode()), known)
    assert first.outcome is Outcome.SAME
    assert second.outcome is Outcome.ANSWERED


def test_entries_alone_tell_the_same_but_for_the_answers(room):
    room.ask("acme-brand", CITIES)
    with pytest.raises(QuestionRefused):
        room.ask("megamart", LIFT)
    new = parse_policy(edited(*SMALL, ("people: 20", "people: 60")).encode())
    listed = list(enumerate(entries(room)))
    past = tuple(past_questions(listed, "spring-campaign"))
    known = {room.policy.digest: room.policy}
    alone = list(simulate(past, new, known))
    beside = put(room, ("people: 20", "people: 60"))
    assert [r.changes for r in alone] == [r.changes for r in beside]
    assert alone[0].outcome is Outcome.OTHERWISE  # which cells were told is not in the log
    # Without the policy that was in force, lines and noise are not compared.
    assert next(iter(simulate(past, new, {}))).outcome is Outcome.SAME


def test_a_question_that_its_entry_does_not_keep_is_taken_from_the_store(room):
    room.ask("acme-brand", CITIES)
    store = room.service.store
    older = [
        (
            i,
            replace(
                e, fields={k: v for k, v in e.fields.items() if k not in {"question", "offered"}}
            ),
        )
        for i, e in enumerate(entries(room))
    ]
    (kept,) = past_questions(older, "spring-campaign", lambda d: store.read(lambda tx: tx.questions.get(d)))  # fmt: skip
    new = parse_policy(edited(*SMALL, ("people: 20", "people: 60")).encode())
    (found,) = simulate([kept], new, {room.policy.digest: room.policy})
    assert (found.outcome, found.withheld) == (Outcome.LESS, ("kazan",))
    (unknown,) = simulate(past_questions(older, "spring-campaign"), new, {})
    assert unknown.outcome is Outcome.UNKNOWN


def test_questions_of_another_collaboration_are_passed_over(room):
    room.ask("acme-brand", RATE)
    listed = list(enumerate(entries(room)))
    assert tuple(past_questions(listed, "another")) == ()


def test_a_repeat_is_no_question_of_its_own(room):
    room.ask("acme-brand", RATE, "request-0001")
    room.ask("megamart", RATE, "request-0002")
    assert len(put(room)) == 1
