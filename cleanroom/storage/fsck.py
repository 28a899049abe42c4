"""The offline check that store, log and vault still tell one story; must not repair anything.

Does not verify that entries say what happened, nor that the log is the one we once signed: for that
`check_signed` is given checkpoints, and one kept by somebody else says most.
"""

from __future__ import annotations

from collections import defaultdict

from cleanroom.model.names import LedgerName
from cleanroom.ports.records import StoredQuestion, Version
from cleanroom.ports.store import Store, Transaction
from cleanroom.ports.vault import Vault, VaultDamaged
from cleanroom.storage.fsck_log import check_log
from cleanroom.storage.fsck_payloads import check_payloads
from cleanroom.storage.fsck_questions import check_questions
from cleanroom.storage.fsck_steps import check_steps
from cleanroom.storage.problem import Problem, note, problem


def fsck(store: Store, vault: Vault) -> tuple[Problem, ...]:
    """Return everything found, problems first, then notes; an empty result is a clean bill.

    Requires: nobody is writing. Reads the whole log, and loads each version that is not erased.
    """
    upload_keys, version_keys = vault.inventory()

    def look(tx: Transaction) -> tuple[list[Problem], tuple[Version, ...]]:
        found, entries = check_log(tx.log)
        questions = tx.questions.all()
        found += check_questions(questions, entries)
        found += check_payloads(tx.log)
        found += _check_ledgers(tx, questions)
        found += check_steps(tx.collaborations)
        found += _check_uploads(tx, upload_keys)
        return found, tx.versions.all()

    found, versions = store.read(look)
    found += _check_versions(vault, versions, frozenset(version_keys))
    return tuple(sorted(found, key=lambda p: p.is_note))  # a stable sort


def _check_ledgers(tx: Transaction, questions: tuple[StoredQuestion, ...]) -> list[Problem]:
    found = []
    sums: defaultdict[LedgerName, int] = defaultdict(int)
    for question in questions:
        debits = tx.ledgers.debits_of(question.digest)
        if sorted((d.ledger, d.nano_rho) for d in question.debits) != [
            (d.ledger, d.nano_rho) for d in debits
        ]:
            found.append(
                problem(f"question {question.digest}", "its debits are not the rows of the ledgers")
            )
        for debit in debits:
            sums[debit.ledger] += debit.nano_rho
    for balance in tx.ledgers.all():
        if balance.spent != sums[balance.ledger]:
            found.append(
                problem(
                    str(balance.ledger), "what is spent is not the sum of its questions' debits"
                )
            )
        if balance.spent > balance.budget:
            found.append(problem(str(balance.ledger), "more is spent than the budget"))
    return found


def _check_uploads(tx: Transaction, keys: tuple[str, ...]) -> list[Problem]:
    # Beside uploads, a collaboration has an area of what the relay remembers, and one of marks.
    kinds = ("relay", "withdrawn")
    areas = {f"{kind}-{name}" for kind in kinds for name in tx.collaborations.names()}
    orphans = [k for k in keys if k not in areas and tx.uploads.get(k) is None]
    return [_orphan(f"upload {upload}") for upload in orphans]


def _check_versions(
    vault: Vault, versions: tuple[Version, ...], keys: frozenset[str]
) -> list[Problem]:
    found = []
    for version in versions:
        if version.erased_at_s is None:
            found += _check_files(vault, version)
        elif version.id in keys:
            found.append(
                problem(
                    f"version {version.id}",
                    "it is erased, yet has a data key: start the service, which finishes it",
                )
            )
    rows = {version.id for version in versions}
    return found + [_orphan(f"version {v}") for v in sorted(keys - rows)]


def _check_files(vault: Vault, version: Version) -> list[Problem]:
    where = f"version {version.id} of {version.dataset}"
    try:
        vault.get_version(version.id, version.file_digest)
        for name in vault.version_blobs(version.id):
            vault.get_version_blob(version.id, name)
    except KeyError:
        return [problem(where, "its data key is missing, so it cannot be read any more")]
    except VaultDamaged as error:
        return [problem(where, str(error))]
    return []


def _orphan(where: str) -> Problem:
    return note(where, "the vault holds it but the store does not: a crash left it, erase it")
