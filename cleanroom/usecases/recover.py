"""What a start does after a crash: sweep, finish erasures, and answer what was paid for."""

from __future__ import annotations

from cleanroom.ports.records import UploadState
from cleanroom.ports.store import Transaction
from cleanroom.usecases.analyse import resume
from cleanroom.usecases.service import Service


def recover(service: Service) -> int:
    """Erase what should have been erased, compute reserved questions; return their number.

    Requires: no call is taken yet and no retention runs, so nobody writes.
    """
    service.vault.sweep()
    uploads, versions = service.vault.inventory()
    for upload in service.store.read(lambda tx: [u for u in uploads if _is_over(tx, u)]):
        service.vault.erase_upload(upload)
    # Without a row are those that a crash kept from being seen: nobody will ever read or erase them.
    present = service.store.read(_present)
    for version in versions:
        if version not in present:
            service.vault.erase_version(version)
    return resume(service)


def _is_over(tx: Transaction, upload: str) -> bool:
    known = tx.uploads.get(upload)
    return known is not None and known.state in {UploadState.SEALED, UploadState.ABANDONED}


def _present(tx: Transaction) -> frozenset[str]:
    return frozenset(v.id for v in tx.versions.all() if v.erased_at_s is None)
