from __future__ import annotations

from pathlib import Path

import pytest

from cleanroom.config import ConfigInvalid, Limits, Retention, load_config

MINIMAL = """\
version = "cleanroom-server/v1"
listen = "127.0.0.1:8443"
trust_domain = "cleanroom.test"
data = "data"
master_key = "keys/master.key"
[log]
name = "cleanroom.test/log"
key = "keys/log.key"
[tls]
ca = "tls/ca.pem"
certificate = "tls/server.pem"
key = "tls/server.key"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "server.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigInvalid) as caught:
        load_config(written(folder, text))
    return caught.value.problems


def test_a_minimal_file_has_the_usual_limits_and_paths_beside_itself(tmp_path):
    config = load_config(written(tmp_path, MINIMAL))
    assert config.limits == Limits()
    assert config.retention == Retention(every_s=3_600, unfinished_days=14)
    assert (config.tls.denied, config.bootstrap) == (None, None)
    assert config.log.key == tmp_path / "keys" / "log.key"
    assert config.database == tmp_path / "data" / "cleanroom.sqlite"


def test_every_optional_key_is_read(tmp_path):
    text = MINIMAL + (
        'denied = "tls/denied.txt"\n[limits]\nworkers = 3\ncalls_per_second = 1.5\nburst = 7\n'
        'quantum_ms = 0\nengine_memory = "512MB"\nengine_threads = 1\n'
        '[bootstrap]\npolicy = "policy.yaml"\n'
        "[retention]\nevery_s = 60\nunfinished_days = 3\n"
    )
    config = load_config(written(tmp_path, text))
    assert config.tls.denied == tmp_path / "tls" / "denied.txt"
    assert config.bootstrap == tmp_path / "policy.yaml"
    assert config.retention == Retention(every_s=60, unfinished_days=3)
    assert config.limits == Limits(
        workers=3,
        calls_per_second=1.5,
        burst=7,
        quantum_ms=0,
        engine_memory="512MB",
        engine_threads=1,
    )


WITNESS_KEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
WITNESS = f'[[log.witnesses]]\nurl = "https://w.example/x"\nkey = "{WITNESS_KEY}"\n'


def test_a_log_may_have_a_previous_key_and_witnesses(tmp_path):
    plain = load_config(written(tmp_path, MINIMAL)).log
    assert (plain.previous_key, plain.witnesses, plain.checkpoint_every_s) == (None, (), 60)
    more = 'previous_key = "keys/old.key"\ncheckpoint_every_s = 5\n' + WITNESS * 2
    log = load_config(written(tmp_path, MINIMAL.replace("[tls]", f"{more}[tls]"))).log
    assert (log.previous_key, log.checkpoint_every_s) == (tmp_path / "keys/old.key", 5)
    assert [(w.url, w.key) for w in log.witnesses] == [("https://w.example/x", WITNESS_KEY)] * 2


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("checkpoint_every_s = 0\n", "log.checkpoint_every_s"),
        ('witnesses = "w"\n', "log.witnesses"),
        ("witnesses = [1]\n", "log.witnesses"),
        (WITNESS.replace("https", "file"), "log.witnesses[1].url"),
        (WITNESS + WITNESS.replace(WITNESS_KEY, "w+1+a"), "log.witnesses[2].key"),
        (WITNESS + "retries = 1\n", "log.witnesses[1].retries"),
    ],
)
def test_a_fault_of_a_witness_is_named_by_its_place(tmp_path, more, key):
    (problem,) = problems(tmp_path, MINIMAL.replace("[tls]", f"{more}[tls]"))
    assert problem.startswith(f"{tmp_path / 'server.toml'}: {key}: ")


def test_absolute_paths_stay_as_they_are(tmp_path):
    config = load_config(written(tmp_path, MINIMAL.replace('"data"', '"/srv/room"')))
    assert config.data == Path("/srv/room")


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "[::1]:8443", "room.example:65535", "0.0.0.0:443"]
)
def test_listen_takes_hosts_addresses_and_port_zero(tmp_path, listen):
    text = MINIMAL.replace("127.0.0.1:8443", listen)
    assert load_config(written(tmp_path, text)).listen == listen


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('version = "cleanroom-server/v1"\n', "", "version"),
        ("cleanroom-server/v1", "cleanroom-server/v2", "version"),
        ('data = "data"\n', "", "data"),
        ('data = "data"', "data = 7", "data"),
        ('data = "data"', 'data = ""', "data"),
        ("127.0.0.1:8443", "127.0.0.1", "listen"),
        ("127.0.0.1:8443", "127.0.0.1:65536", "listen"),
        ("127.0.0.1:8443", "two words:1", "listen"),
        ('trust_domain = "cleanroom.test"', 'trust_domain = "No Such"', "trust_domain"),
        ('name = "cleanroom.test/log"', 'name = "a+b"', "log.name"),
        ('name = "cleanroom.test/log"\n', "", "log.name"),
        ('ca = "tls/ca.pem"', "ca = true", "tls.ca"),
        ('ca = "tls/ca.pem"', 'ca = "tls/ca.pem"\ncipher = "any"', "tls.cipher"),
        ('data = "data"', 'data = "data"\nport = 1', "port"),
        ("[tls]", "[log.more]\n[tls]", "log.more"),
    ],
)
def test_a_fault_is_named_by_file_and_key(tmp_path, old, new, key):
    assert old in MINIMAL
    (problem,) = problems(tmp_path, MINIMAL.replace(old, new))
    assert problem.startswith(f"{tmp_path / 'server.toml'}: {key}: ")


@pytest.mark.parametrize(
    "line",
    [
        "workers = 0",
        "workers = 1.5",
        "workers = true",
        'burst = "9"',
        "calls_per_second = 0",
        "calls_per_second = nan",
        "calls_per_second = inf",
        "quantum_ms = -1",
        'engine_memory = "lots"',
        "engine_memory = 2",
        "engine_threads = 0",
        "threads = 1",
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_by_name(tmp_path, line):
    (problem,) = problems(tmp_path, f"{MINIMAL}[limits]\n{line}\n")
    assert f": limits.{line.partition(' ')[0]}: " in problem


def test_a_bootstrap_without_a_policy_is_refused(tmp_path):
    (problem,) = problems(tmp_path, MINIMAL + "[bootstrap]\n")
    assert ": bootstrap.policy: is missing" in problem


def test_a_table_written_as_text_is_refused(tmp_path):
    text = MINIMAL.partition("[tls]")[0]
    found = problems(tmp_path, 'tls = "off"\n' + text)
    assert any(": tls: expected a table" in problem for problem in found)


def test_all_problems_are_told_at_once_and_each_once(tmp_path):
    found = problems(tmp_path, 'version = "cleanroom-server/v1"\nlisten = 7\nextra = 1\n')
    keys = [problem.split(": ")[1] for problem in found]
    assert {"listen", "trust_domain", "data", "master_key", "log", "tls", "extra"} <= set(keys)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"version =", "not valid TOML"), (b"\xff\xfe", "not UTF-8")],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path, data, why):
    file = tmp_path / "server.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigInvalid, match=why):
        load_config(file)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ConfigInvalid, match=r"absent\.toml: there is no configuration"):
        load_config(tmp_path / "absent.toml")
