"""Each error of a policy file, with its exact position and the sentence its writer reads."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.policy.document import Mark
from cleanroom.policy.problems import MAX_PROBLEMS
from cleanroom.policy.yaml_reader import MAX_BYTES
from support.policies import EXAMPLES, NAMES, edited, example, problems

SALES = "datasets.sales"
DECIMAL = "write a decimal number above 0 and at most 1000, as in 0.5"
PROBABILITY = "write a decimal number above 0 and below 1, as in 1e-6"
AT_MOST_HALF = "write a decimal number above 0 and at most 0.5, as in 1e-6"
PEOPLE = "write a whole number from 2 to 1073741824"
LABEL = "write lower-case letters, digits and hyphens, at most 63, as in 'acme-brand'"
COLUMN = "write lower-case letters, digits and underscores, at most 63, as in 'amount'"

# (old text, new text, the one problem)
TYPES = [
    ("people: 50", "people: '50'", f"26:35: {SALES}.minimum_aggregation.people: found the text '50' in quotes: {PEOPLE}"),
    ("people: 50", "people: 1", f"26:35: {SALES}.minimum_aggregation.people: found the integer 1: {PEOPLE}"),
    ("people: 50", "people: 050", f"26:35: {SALES}.minimum_aggregation.people: found the integer 050: {PEOPLE}"),
    ("people: 50", "people: +50", f"26:35: {SALES}.minimum_aggregation.people: found the integer +50: {PEOPLE}"),
    ("people: 50", "people: 50.0", f"26:35: {SALES}.minimum_aggregation.people: found the number 50.0: {PEOPLE}"),
    ("people: 50", "people: 0x32", f"26:35: {SALES}.minimum_aggregation.people: found the integer 0x32: {PEOPLE}"),
    ("people: 50", "people: 12:30", f"26:35: {SALES}.minimum_aggregation.people: found the text '12:30' (a number in YAML 1.1 only): {PEOPLE}"),
    ("people: 50", "people: 1_000", f"26:35: {SALES}.minimum_aggregation.people: found the text '1_000' (a number in YAML 1.1 only): {PEOPLE}"),
    ("people: 50", "people: 5" + "0" * 60, f"26:35: {SALES}.minimum_aggregation.people: found the integer 5{'0' * 39}…: {PEOPLE}"),
    ("people: 50", "people: ", f"26:27: {SALES}.minimum_aggregation.people: found nothing: {PEOPLE}"),
    ("people: 50", "people: []", f"26:35: {SALES}.minimum_aggregation.people: found an empty list: {PEOPLE}"),
    ("people: 50", "people: {a: 1}", f"26:35: {SALES}.minimum_aggregation.people: found a mapping: {PEOPLE}"),
    ("max_per_person: 60", "max_per_person: 1073741825", f"24:89: {SALES}.measures.visits.max_per_person: found the integer 1073741825: write a whole number from 1 to 1073741824"),
    ("epsilon: 4", "epsilon: .nan", f"27:71: {SALES}.privacy.epsilon: found the number .nan: {DECIMAL}"),
    ("epsilon: 4", "epsilon: .inf", f"27:71: {SALES}.privacy.epsilon: found the number .inf: {DECIMAL}"),
    ("epsilon: 4", "epsilon: nan", f"27:71: {SALES}.privacy.epsilon: found the text 'nan': {DECIMAL}"),
    ("epsilon: 4", "epsilon: 0", f"27:71: {SALES}.privacy.epsilon: found the integer 0: {DECIMAL}"),
    ("epsilon: 4", "epsilon: -4", f"27:71: {SALES}.privacy.epsilon: found the integer -4: {DECIMAL}"),
    ("epsilon: 4", "epsilon: 1e999999999", f"27:71: {SALES}.privacy.epsilon: found the number 1e999999999: {DECIMAL}"),
    ("epsilon: 4", "epsilon: ٤", f"27:71: {SALES}.privacy.epsilon: found the text '٤', which holds U+0664 ARABIC-INDIC DIGIT FOUR: {DECIMAL}"),
    ("delta: 1e-7", "delta: 1", f"27:81: {SALES}.privacy.delta: found the integer 1: {PROBABILITY}"),
    ("delta: 1e-7", "delta: 1e-31", f"27:81: {SALES}.privacy.delta: found the number 1e-31: {PROBABILITY}"),
    ("probability: 1e-6", "probability: 0.0", f"26:57: {SALES}.minimum_aggregation.miss_probability: found the number 0.0: {AT_MOST_HALF}"),
    ("per_question: 0.5", "per_question: 4.01", f"27:101: {SALES}.privacy.per_question: found the number 4.01: write at most epsilon, the whole budget"),
    ("renew: never", "renew: monthly", f"27:113: {SALES}.privacy.renew: found the text 'monthly': write never, as renewal would multiply the guarantee and is not offered"),
    ("definition: zcdp", "definition: pure", f"27:56: {SALES}.privacy.definition: found the text 'pure': write zcdp"),
    ("scheme: psi", "scheme: psi\n  allow_unsalted: yes", "13:19: matching.allow_unsalted: found the text 'yes' (a boolean in YAML 1.1 only): write true or false"),
    ("scheme: psi", "scheme: psi\n  allow_unsalted: true", "13:19: matching.allow_unsalted: found true with scheme psi: leave it out or use sha256"),
    ("scheme: psi", "scheme: sha256", "12:11: matching.scheme: sha256 tokens can be inverted by anybody with a dictionary: write matching.allow_unsalted: true to accept that, or scheme: psi"),
    ("scheme: psi", "scheme: psi\n  default_region: Russia", "13:19: matching.default_region: found 'Russia': write a country code of two capital letters, as in RU (ISO 3166-1 alpha-2)"),
    ("uid2-2026", "uid2", "13:18: matching.normalisation: found the text 'uid2': write uid2-2026 (did you mean 'uid2-2026'?)"),
    ("[email, phone", "[email, email", "14:17: matching.keys[1]: found email again: write each once"),
    ("[email, phone, loyalty_id]", "[]", "14:9: matching.keys: found an empty list: write one or more of email, phone, loyalty_id, device_id, cookie, external_id"),
    ("[email, phone, ", "[email_sha256, ", "14:10: matching.keys[0]: found the text 'email_sha256': write one of email, phone, loyalty_id, device_id, cookie, external_id"),
    ("may_ask: [match_rate]", "may_ask: match_rate", "8:48: parties.megamart.may_ask: found the text 'match_rate': write a list of families, as in [first, second]"),
    ("may_ask: [match_rate]", "may_ask: [sales]", "8:49: parties.megamart.may_ask[0]: found the text 'sales': write one of match_rate, segment_size, sales_lift (did you mean 'sales_lift'?)"),
    ("role: retailer", "role: shop", "8:24: parties.megamart.role: found the text 'shop': write one of advertiser, retailer, data_provider"),
    ("sales_lift: [measurement]", "sales_lift: []", f"28:83: {SALES}.consent.sales_lift: found an empty list: write at least one purpose, as in [measurement], or leave the family out"),
    ("sales_lift: [measurement]", "sales_lift: [ads]", f"28:84: {SALES}.consent.sales_lift[0]: found the text 'ads': write one of measurement, segmentation, personalisation, profiling, storage, research"),
    ("from: 2026-03-01", "from: 1.3.2026", "4:15: valid.from: found the text '1.3.2026': write a date as in 2026-03-01, which exists and is in 2000-2199"),
    ("until: 2026-09-30", "until: 2026-02-30", "4:34: valid.until: found the text '2026-02-30': write a date as in 2026-03-01, which exists and is in 2000-2199"),
    ("until: 2026-09-30", "until: 2026-02-28", "4:34: valid.until: found a day before valid.from: write the last day of the period"),
    ("version: cleanroom/v1", "version: cleanroom/v2", "2:10: version: found the text 'cleanroom/v2': write cleanroom/v1 (did you mean 'cleanroom/v1'?)"),
    ("version: cleanroom/v1", "version: 1", "2:10: version: found the integer 1: write cleanroom/v1"),
    ("collaboration: spring-campaign", "collaboration: []", "3:16: collaboration: found an empty list: write the collaboration's name"),
    ("datasets_days: 90", "datasets_days: 0", "30:28: retention.datasets_days: found the integer 0: write a whole number from 1 to 36500"),
    ("retention: {datasets_days: 90, measurements_days: 730}", "retention:", "30:1: retention: found nothing: write a mapping with datasets_days, measurements_days, withdrawn_days"),
    ("{max_per_person: 50}", "{max_per_person: 50, unit: minor}", "21:54: datasets.exposures.counts.impressions.unit: found the text 'minor': write count"),
]  # fmt: skip

NAMES_AND_KEYS = [
    ("epsilon: 4", "epslon: 4, epsilon: 4", f"27:62: {SALES}.privacy: found the unknown key 'epslon': write pool, definition, epsilon, delta, per_question, renew (did you mean 'epsilon'?)"),
    ("epsilon: 4, ", "", f"27:5: {SALES}.privacy: add the key 'epsilon'"),
    ("version: cleanroom/v1\n", "", "1:1: policy: add the key 'version'"),
    ("acme-brand:", "acme-brаnd:", "7:3: parties: found the name 'acme-brаnd', which holds U+0430 CYRILLIC SMALL LETTER A: " + LABEL),
    ("  megamart: ", "  Megamart: ", f"8:3: parties: found the name 'Megamart': {LABEL}"),
    ("owner: megamart", "owner: Mega Mart", f"23:12: {SALES}.owner: found the name 'Mega Mart': {LABEL}"),
    ("pool: megamart-loyalty-2026", "pool: " + "a" * 64, f"27:21: {SALES}.privacy.pool: found the name '{'a' * 40}…': {LABEL}"),
    ("{city: ", "{home-city: ", f"19:18: datasets.exposures.dimensions: found the name 'home-city': {COLUMN}"),
    ("collaboration: spring-campaign", "collaboration: ''", f"3:16: collaboration: found the name '': {LABEL}"),
    ("owner: megamart", 'owner: ""', f"23:12: {SALES}.owner: found the name '': {LABEL}"),
    ("column: arm", "column: ''", f"20:19: datasets.exposures.arm.column: found the name '': {COLUMN}"),
    ("scheme: psi", "scheme: psi\n  default_region: ''", "13:19: matching.default_region: found '': write a country code of two capital letters, as in RU (ISO 3166-1 alpha-2)"),
    ("column: arm", "column: Arm", f"20:19: datasets.exposures.arm.column: found the name 'Arm': {COLUMN}"),
    ("visits: {max", "category: {max", f"25:21: {SALES}.event_filters.category: found the column 'category', which is already datasets.sales.measures.category: write another name"),
    ("{impressions:", "{arm:", "21:14: datasets.exposures.counts.arm: found the column 'arm', which is already datasets.exposures.arm: write another name"),
    ("visits: {max", "email_sha256: {max", f"24:64: {SALES}.measures.email_sha256: found the column 'email_sha256', which is the column of a match key: write another name"),
    ("visits: {max", "buyers: {max", f"24:64: {SALES}.measures.buyers: found the column 'buyers', which is an outcome of its own: write another name"),
    ("[ufa, kazan", "[ufa, ufa", "19:30: datasets.exposures.dimensions.city[1]: found 'ufa' again: write each value once"),
    ("[ufa, kazan, other]", "[]", "19:24: datasets.exposures.dimensions.city: found an empty list: write at least one value, as in [ufa, other]"),
    ("[ufa, ", "[1, ", "19:25: datasets.exposures.dimensions.city[0]: found the integer 1: write it in quotes"),
    ("[ufa, ", "[true, ", "19:25: datasets.exposures.dimensions.city[0]: found the boolean true: write it in quotes"),
    ("[ufa, ", "[~, ", "19:25: datasets.exposures.dimensions.city[0]: found nothing: write a text"),
    ("[ufa, ", "[ufа, ", "19:25: datasets.exposures.dimensions.city[0]: found 'ufа', which holds U+0430 CYRILLIC SMALL LETTER A: write each word in one script"),
    ("[ufa, ", "[' ufa', ", "19:25: datasets.exposures.dimensions.city[0]: found ' ufa': write a text without spaces around it"),
    ("[ufa, ", '["u\\0", ', "19:25: datasets.exposures.dimensions.city[0]: found 'u\\x00': write printable characters on one line"),
    ("[ufa, ", "[cafe\u0301, ", "19:25: datasets.exposures.dimensions.city[0]: found 'cafe\u0301', which holds U+0301 COMBINING ACUTE ACCENT: write it in Unicode's composed form (NFC)"),
    ("[ufa, ", f"[{'u' * 65}, ", f"19:25: datasets.exposures.dimensions.city[0]: found '{'u' * 40}…': write at most 64 characters"),
    ("[ufa, kazan, other]", f"[{', '.join(f'v{i}' for i in range(1001))}]", "19:24: datasets.exposures.dimensions.city: found 1001 values: write at most 1000"),
    ("control: control", "control: test", "20:45: datasets.exposures.arm.control: found 'test' for both arms: write two different values"),
]  # fmt: skip

YAML = [
    ("retention:", "retention: &r", "30:12: yaml: found the anchor &r: leave it out"),
    ("role: retailer", "role: *r", "8:24: yaml: found the alias *r: write the value itself"),
    ("role: retailer", "role: !!str retailer", "8:24: yaml: found the tag 'tag:yaml.org,2002:str': leave it out"),
    ("role: retailer", "role: retailer, role: retailer", "8:34: yaml: found the key 'role' again, already on line 8: write each key once"),
    ("retention:", "---\nretention:", "30:1: yaml: found a second document: write one file for each policy"),
    ("# yaml-language-server: $schema=../schema.json", "%YAML 1.1\n---", "2:1: yaml: found a % directive: leave it out, the file is YAML 1.2"),
    ("parties:\n", "? [a]\n: b\nparties:\n", "6:3: yaml: found a list or mapping as key: write a name"),
    ("  megamart: ", "  1: ", "8:3: yaml: found '1' (integer) as key: write a name"),
    ("    owner: megamart", "\t owner: megamart", "23:1: yaml: found a tab: write spaces"),
    ("# in order", "# in\torder", "14:49: yaml: found a tab: write spaces"),
    ("# in order", "# in\u2028order", "14:49: yaml: found U+2028 LINE SEPARATOR: write visible characters and plain spaces"),
    ("# in order", "# in\u202eorder", "14:49: yaml: found U+202E RIGHT-TO-LEFT OVERRIDE: write visible characters and plain spaces"),
    ("# in order", "# in\xa0order", "14:49: yaml: found U+00A0 NO-BREAK SPACE: write visible characters and plain spaces"),
    ("# in order", "# in\rorder", "14:49: yaml: found a bare carriage return: write line feeds"),
    ("[ufa, ", '["\\UFFFFFFFF", ', "19:24: yaml: not YAML 1.2 after here: OverflowError"),
    ("[ufa, ", "[ufa: : , ", "19:30: yaml: not YAML 1.2: "),
    ("[ufa, ", "[[[[[[[[ufa]]]]]]], ", "19:28: yaml: found more than 8 levels: write fewer, no policy needs that"),
]  # fmt: skip

CROSS = [
    ("measurements_days: 730}", "measurements_days: 730, withdrawn_days: 7}\nconsent: {epoch_days: 7}", "30:56: retention.withdrawn_days: found 7 days, but people who withdraw are used until the epoch of 7 days ends: write 8 or more"),
    ("measurements_days: 730}", "measurements_days: 730}\nconsent: {epoch_days: 30}", "30:1: retention.withdrawn_days: found 30 days, but people who withdraw are used until the epoch of 30 days ends: write 31 or more"),
    ("owner: megamart", "owner: maxima", f"23:5: {SALES}.owner: found 'maxima', which is no party: write one of acme-brand, megamart, fiscal-data"),
    ("segment_size: [measurement], ", "", "7:39: parties.acme-brand.may_ask: segment_size is granted, but no dataset's consent names its purposes: write consent: {segment_size: [measurement]} in a dataset, or take the grant back"),
    ("    arm: {column: arm, test: test, control: control}\n    counts: {impressions: {max_per_person: 50}}\n", "", "7:39: parties.acme-brand.may_ask: sales_lift is granted, but it needs a dataset with an arm or a count and another with a measure, or both with a time: declare them, or take the grant back"),
    ("    measures: {amount: {unit: minor, max_per_person: 1500000}, visits: {max_per_person: 60}}\n", "", "7:39: parties.acme-brand.may_ask: sales_lift is granted, but it needs a dataset with an arm or a count and another with a measure, or both with a time: declare them, or take the grant back"),
    ("    minimum_aggregation: {people: 50, miss_probability: 1e-6}\n", "", "16:1: datasets: declare minimum_aggregation in at least one dataset"),
    ("    privacy: {pool: megamart-loyalty-2026, definition: zcdp, epsilon: 4, delta: 1e-7, per_question: 0.5, renew: never}\n", "", "16:1: datasets: declare privacy in at least one dataset"),
    ("owner: acme-brand", "owner: megamart\n    privacy: {pool: megamart-loyalty-2026, definition: zcdp, epsilon: 3, delta: 1e-7, per_question: 0.5}", f"28:5: {SALES}.privacy: found another epsilon or delta for the pool 'megamart-loyalty-2026' than datasets.exposures has: write the same, or another pool"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "problem"), TYPES + NAMES_AND_KEYS + CROSS)
def test_a_wrong_value_is_refused_with_its_position_and_what_to_write(old, new, problem):
    assert problems(edited((old, new))) == (f"p.yaml:{problem}",)


@pytest.mark.parametrize(("old", "new", "problem"), YAML)
def test_yaml_that_is_not_strict_is_refused_with_its_position(old, new, problem):
    (found,) = problems(edited((old, new)))
    assert found.startswith(f"p.yaml:{problem}")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "1:1: yaml: found an empty file: write a policy"),
        (b"# only a comment\n", "1:1: yaml: found an empty file: write a policy"),
        (b"#" * (MAX_BYTES + 1), "1:1: yaml: found 1048577 bytes: write at most 1048576"),
        (b"\xef\xbb\xbfversion: x", "1:1: yaml: found a byte-order mark: save the file as UTF-8 without it"),
        ("version: x".encode("utf-16"), "1:1: yaml: found a byte-order mark: save the file as UTF-8 without it"),
        (b"a: 1\nb: caf\xe9\n", "2:7: yaml: found the byte 0xe9: save the file as UTF-8"),
        (b"a: \xed\xa0\x80", "1:4: yaml: found the byte 0xed: save the file as UTF-8"),
        (b"a: \x00", "1:4: yaml: found U+0000 without a name: write visible characters and plain spaces"),
        (b"[]", "1:1: policy: found an empty list: write a mapping with version, collaboration, valid, parties, matching, datasets, consent, retention"),
        (b"no", "1:1: policy: found the text 'no' (a boolean in YAML 1.1 only): write a mapping with version, collaboration, valid, parties, matching, datasets, consent, retention"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_policy_are_refused(data, problem):
    assert problems(data) == (f"p.yaml:{problem}",)


def test_line_ends_of_windows_are_accepted():
    assert problems(example().replace("\n", "\r\n")) == ()


def test_words_that_yaml_1_1_took_for_booleans_stay_texts():
    text = edited(("scheme: psi", "scheme: psi\n  default_region: NO"), ("[ufa,", "[no, off, Да,"))
    assert problems(text) == ()


def test_a_dataset_may_be_called_as_a_rule_without_counting_as_one():
    rule = (
        "    privacy: {pool: megamart-loyalty-2026, definition: zcdp, epsilon: 4, delta: 1e-7, "
        "per_question: 0.5, renew: never}\n"
    )
    found = problems(edited((rule, ""), ("  exposures:", "  privacy:")))
    assert found == ("p.yaml:16:1: datasets: declare privacy in at least one dataset",)


def test_the_arm_and_the_measure_of_a_lift_are_on_two_datasets():
    arm = "    arm: {column: arm, test: test, control: control}\n"
    counts = "    counts: {impressions: {max_per_person: 50}}\n"
    text = edited((arm + counts, ""), ("    owner: megamart\n", "    owner: megamart\n" + arm))
    (found,) = problems(text)
    assert "it needs a dataset with an arm or a count and another with a measure" in found


def test_a_declared_pool_must_not_contradict_an_inherited_one():
    inherited = "    owner: megamart\n    dimensions: {city: [ufa, other]}\n"
    text = edited(
        ("    owner: acme-brand\n", "    owner: megamart\n"),
        ("pool: megamart-loyalty-2026", "pool: spring-campaign"),
        (
            "retention:",
            "  loans:\n"
            + inherited.replace("megamart", "acme-brand")
            + "    privacy: {pool: loans, definition: zcdp, epsilon: 1, delta: 1e-7, per_question: 0.5}\n"
            "retention:",
        ),
    )
    (found,) = problems(text)
    assert found.startswith("p.yaml:27:5: datasets.sales.privacy: found another epsilon or delta")


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    text = edited(
        ("epsilon: 4", "epsilon: many"), ("scheme: psi", "scheme: oprf"), ("people: 50", "k: 50")
    )
    found = problems(text)
    assert [re.match(r"p\.yaml:(\d+):", line)[1] for line in found] == ["12", "26", "26", "27"]


def test_problems_beyond_the_limit_are_counted():
    values = ", ".join("1" for _ in range(MAX_PROBLEMS + 7))
    found = problems(edited(("[ufa, kazan, other]", f"[{values}]")))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == "p.yaml: and 7 more problems"


def test_a_very_large_file_of_nodes_is_given_up_early():
    (found,) = problems(b"a: [" + b"1," * 400_000)
    assert found.endswith("yaml: found more than 20000 values: write fewer, no policy needs that")


def test_marks_start_at_one_and_stand_at_keys():
    from support.policies import policy

    marks = policy().marks
    assert marks["version"] == Mark(line=2, column=1)
    assert marks["datasets.sales.privacy.epsilon"] == Mark(line=27, column=62)


LINES = {name: example(name).splitlines(keepends=True) for name in NAMES}
BYTES = {name: (EXAMPLES / f"{name}.yaml").read_bytes() for name in NAMES}
PROBLEM = re.compile(r"p\.yaml:(\d+:\d+: \S.*: .+| and \d+ more problems)", re.DOTALL)


@st.composite
def mutated(draw):
    """An example with some bytes replaced, removed, repeated or put in."""
    data = bytearray(BYTES[draw(st.sampled_from(NAMES))])
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 12)))
        hostile = st.sampled_from(
            [b"&a ", b"*a", b"!!int ", b"\t", b"{", b"]", b": ", b"- ", b"? ", b"|\n", b'"\\x', b"'",
             b"<<: ", b"%", b"---\n", b"1e9", b"\xff", b"\xc2\x85", b"\n", b"~", b"\x00", b"#", b","]
        )  # fmt: skip
        data[start:stop] = draw(
            st.one_of(hostile, st.binary(max_size=6), st.just(data[stop : stop + 9]))
        )
    return bytes(data)


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_only_the_promised_error_leaves_the_parser(data):
    found = problems(data)  # any other exception fails the test
    assert all(PROBLEM.fullmatch(line) for line in found)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_the_parser_survives_the_loss_and_exchange_of_lines(name, data):
    lines = list(LINES[name])
    at, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    lines[at], lines[other] = lines[other], lines[at]
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    assert all(PROBLEM.fullmatch(line) for line in problems("".join(lines)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_refused_with_a_position(text):
    found = problems(text.encode("utf-8", "surrogatepass"))
    assert found
    assert all(PROBLEM.fullmatch(line) for line in found)
