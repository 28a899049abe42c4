"""A handshake gets a new TLS configuration only when the files are new."""

from __future__ import annotations

import grpc

from cleanroom.rpc.server import ServerSettings, _TlsFiles
from cleanroom.sandbox.pki import create_authority, issue
from support.served import DOMAIN, END, START


def _write(folder):
    authority = create_authority("test", not_before=START, not_after=END)
    own = issue(authority, ["localhost"], not_before=START, not_after=END)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "server.pem").write_bytes(own.certificate_pem)
    (folder / "server.key").write_bytes(own.key_pem)


def _settings(folder):
    return ServerSettings(
        listen="localhost:0",
        trust_domain=DOMAIN,
        ca=folder / "ca.pem",
        certificate=folder / "server.pem",
        key=folder / "server.key",
        denied=frozenset,
        workers=1,
        calls_per_second=1.0,
        burst=1,
        quantum_s=0.0,
    )


def test_unchanged_files_are_no_new_configuration(tmp_path):
    _write(tmp_path)
    files = _TlsFiles(_settings(tmp_path))
    assert files.changed() is None
    _write(tmp_path)
    assert isinstance(files.changed(), grpc.ServerCertificateConfiguration)
    assert files.changed() is None
