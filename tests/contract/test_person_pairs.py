"""Three parties' messy lists: the engine pairs the people that plain pandas pairs.

50 random collections of lists, the first through a real server; more and larger with
CLEANROOM_SLOW.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from itertools import combinations

import pytest

from cleanroom.config import load_config
from cleanroom.engine.matching import pairs as engine_pairs
from cleanroom.engine.matching import side
from cleanroom.engine.session import Session
from cleanroom.model.consent import Epoch, epoch_of
from cleanroom.model.dataset import VersionRef
from cleanroom.model.names import DatasetName
from cleanroom.policy.parse import parse_policy
from cleanroom.wiring.environment import SystemEntropy
from cleanroom.wiring.opening import open_existing_store, open_vault
from cleanroom_client.blinding import PersonKey, domain_tag
from cleanroom_client.blinding.curve25519 import hash_to_curve_x
from cleanroom_client.keystore import Keystore
from cleanroom_client.profile import Profile
from support.brought import bring
from support.messy_lists import DATASETS, frame, lists, policy
from support.pandas_pairs import pairs, people
from support.rooms import NOON, Room
from support.running import running_room

PERSON = PersonKey(bytes(range(32)))
MEASUREMENT = 1

NUMBERS = {"ours": "person"}, {"theirs": "person"}


def _sealed(store, vault, rules, name):
    """Return a side's schema and tables as they were sealed last."""
    version = store.read(lambda tx: tx.versions.latest(name))
    schema = rules.dataset(name.dataset).schema
    return VersionRef(version=version.id, schema=schema), vault.get_version(
        version.id, version.file_digest
    )


def _lines(tables):
    """Return the lines of each person number."""
    events = tables.events.to_pandas()
    return events.groupby("person")["count_line"].agg(frozenset).to_dict()


def _check(sealed, rows, token_of, stages, epoch_s):
    """Compare every pair of parties; return how many people were paired."""
    expected = {name: people(rows[name], token_of) for name in DATASETS}
    lines = {name: _lines(tables) for name, (_, tables) in sealed.items()}
    total = 0
    with Session(memory_limit="512MB", threads=1, spill_dir=None) as session:
        sides = {
            name: side(session, ref, tables, MEASUREMENT, Epoch(start_s=epoch_s))
            for name, (ref, tables) in sealed.items()
        }
        for a, b in combinations(DATASETS, 2):
            paired = engine_pairs(session, sides[a], sides[b], stages, NUMBERS)
            found = session.fetch(paired).to_pylist()
            by_lines = [
                (lines[a][pair["ours"]], lines[b][pair["theirs"]], str(stages[pair["stage"]]))
                for pair in found
            ]
            assert len(set(by_lines)) == len(by_lines)
            assert set(by_lines) == pairs(expected[a], expected[b]), (a, b)
            total += len(found)
    return total


def _hash(_key, means):
    return hashlib.sha256(means.encode()).digest()


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Room.open(tmp_path_factory.mktemp("lists"), policy("sha256"))


def _compared(room, seed, size):
    rows = lists(seed, size)
    for name in DATASETS:
        bring(room, name, frame(name, rows[name]), person_key=PERSON)
    service, rules = room.service, room.policy
    sealed = {n: _sealed(service.store, service.vault, rules, room.name(n)) for n in DATASETS}
    return _check(sealed, rows, _hash, rules.matching.keys, epoch_of(NOON))


@pytest.mark.parametrize("seed", range(1, 50))
def test_the_engine_pairs_whom_pandas_pairs(room, seed):
    assert _compared(room, seed, 60) > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_the_engine_pairs_whom_pandas_pairs_in_more_and_larger_lists(room, seed):
    assert _compared(room, seed, (5, 60, 600)[seed % 3]) >= 0


def _keys_of(sandbox):
    """Return every owner's secret, which no one person has outside of a sandbox."""
    profiles = (Profile.load(sandbox.profile(name)) for name in sandbox.parties)
    stores = [Keystore.open(profile.keystore, passphrase=None) for profile in profiles]
    return [store.secrets(sandbox.collaboration).blinding for store in stores]


def test_the_engine_pairs_whom_pandas_pairs_through_a_real_room(tmp_path_factory):
    """Tokens go through three parties' agents here, and are made again by the Python path."""
    rows = lists(0)
    with running_room(tmp_path_factory, policy("psi")) as running:
        running.fill(**{n: (owner, frame(n, rows[n])) for n, owner in DATASETS.items()})
    secrets = _keys_of(running.sandbox)

    def token_of(key, means):
        tag = domain_tag(running.sandbox.collaboration, key)
        point = hash_to_curve_x(hashlib.sha256(means.encode()).digest(), tag)
        for secret in secrets:
            point = secret.blind_one(point)
        return point

    config = load_config(running.sandbox.server_config)
    rules = parse_policy(policy("psi").encode())
    names = {n: DatasetName(collaboration=rules.collaboration, dataset=n) for n in DATASETS}
    with closing(open_existing_store(config)) as store:
        vault = open_vault(config, SystemEntropy())
        sealed = {n: _sealed(store, vault, rules, name) for n, name in names.items()}
    assert _check(sealed, rows, token_of, rules.matching.keys, epoch_of(NOON)) > 10
