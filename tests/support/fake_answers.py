"""What the fake service answers with: terms, measurements, and a small real log."""

from __future__ import annotations

import json

import rfc8785

from cleanroom.analysis.canonical import canonical_json, question_to_json
from cleanroom.audit.checkpoint import Checkpoint, sign_checkpoint
from cleanroom.audit.commitment import commit
from cleanroom.audit.entry import Entry, EntryKind, encode_entry
from cleanroom.audit.note import verifier_of
from cleanroom.audit.receipt import build_receipt
from cleanroom.audit.tree import appended_nodes, inclusion_proof, leaf_hash, root
from cleanroom.rpc.questions import read_ask
from cleanroom.v1 import collaboration_pb2 as pb


def terms_of(scheme):
    """Terms of two datasets: exposures of acme-brand, sales of megamart."""
    exposures = pb.DatasetTerms(
        name="exposures",
        owner="acme-brand",
        dimensions=[pb.Domain(name="city", values=["ufa", "kazan", "other"])],
        arm=pb.ArmColumn(column="arm", test="test", control="control"),
    )
    sales = pb.DatasetTerms(
        name="sales",
        owner="megamart",
        measures=[
            pb.Measure(name="amount", unit="minor", max_per_person=1_500_000),
            pb.Measure(name="visits", unit="rows", max_per_person=60),
        ],
        filters=[pb.Domain(name="category", values=["hair-care", "other"])],
        timed=True,
    )
    return pb.Terms(
        scheme=scheme,
        normalisation="uid2-2026",
        default_region="RU",
        keys=["email", "phone"],
        datasets=[exposures, sales],
        owners=["acme-brand", "megamart"],
    )


class FakeLog:
    """A log of released questions in memory."""

    def __init__(self, signer):
        self._signer = signer
        self.entries = []
        self.lies = {}
        self.verdicts = {}
        self._nodes = {}

    @property
    def key_text(self):
        return verifier_of(self._signer).text

    def _node(self, level, index):
        return self._nodes[level, index]

    def append(self, entry):
        data = encode_entry(entry)
        size = len(self.entries)
        for level, index, value in appended_nodes(size, leaf_hash(data), self._node):
            self._nodes[level, index] = value
        self.entries.append(data)

    def told(self, index):
        """Return the entry that is told when this one is asked for: a lie where one is set."""
        return self.lies.get(index, self.entries[index])

    def proof(self, index, size):
        return inclusion_proof(index, size, self._node)

    def checkpoint(self):
        size = len(self.entries)
        tree = Checkpoint(origin=self._signer.name, size=size, root=root(size, self._node))
        return sign_checkpoint(tree, self._signer)

    def release(self, measurement):
        """Log a measurement; return its receipt."""
        salt = len(self.entries).to_bytes(16)
        fields = {"measurement_commitment": commit(salt, measurement).hex()}
        self.append(
            Entry(
                kind=EntryKind.QUESTION_RELEASED,
                time_s=1_770_000_000,
                actor="party/acme-brand",
                collaboration="spring",
                fields=fields,
                salt=salt,
            )
        )
        index, size = len(self.entries) - 1, len(self.entries)
        return build_receipt(
            measurement=measurement,
            entry=self.entries[index],
            index=index,
            proof=inclusion_proof(index, size, self._node),
            checkpoint_note=self.checkpoint(),
        )


def figure(name, unit, value, width):
    undefined = None if value is not None else "the control arm's mean is too uncertain"
    return {
        "name": name,
        "unit": unit,
        "value": value,
        "low": None if value is None else value - width,
        "high": None if value is None else value + width,
        "noise_sd": None if value is None else width / 2,
        "sampling_se": None,
        "undefined": undefined,
    }


def measurement_json(analysis):
    """Canonical bytes of a made-up measurement that answers `analysis`."""
    family = analysis.WhichOneof("question")
    question = getattr(analysis, family)
    lift = family == "sales_lift"
    datasets = [question.exposures, question.sales] if lift else list(question.datasets)
    cells = [["ufa"], ["kazan"]] if question.by else [[]]
    figures = [
        figure("total_test", "minor", 123_456.0, 300.0),
        figure("relative_lift", "ratio", None, 0.0),
        figure("match_rate_sales", "share", 0.4213, 0.01),
    ]
    return rfc8785.dumps(
        {
            "!v": "cleanroom-measurement/v1",
            "family": family,
            "question": json.loads(canonical_json(question_to_json(read_ask(analysis).question))),
            "question_digest": "ab" * 32,
            "collaboration": analysis.collaboration,
            "policy_digest": "cd" * 32,
            "versions": [[dataset, f"v-{dataset}"] for dataset in datasets],
            "epoch_s": 1_769_990_400,
            "design": "randomized" if lift else None,
            "adjustment": "none" if lift else None,
            "pooled": [],
            "dimensions": list(question.by),
            "cells": [_cell(cell, figures, suppressed=i == 1) for i, cell in enumerate(cells)],
            "level": 0.95,
            "mechanism": "discrete Gaussian",
            "parameters": [{"name": "n:test", "scale": 15.8, "contribution_bound": 1}],
            "suppression_line": 112,
            "minimum_people": 50,
            "debits": [["ledgers/megamart/loyalty", 4_000_000]],
            "engine": "duckdb",
        }
    )


def _cell(cell, figures, *, suppressed):
    blank = {"value": None, "low": None, "high": None, "noise_sd": None}
    shown = [{**f, **blank} for f in figures] if suppressed else figures
    statistics = [["n:test", None if suppressed else 1234]]
    return {
        "cell": cell,
        "suppressed": suppressed,
        "statistics": statistics,
        "consistent": statistics,
        "figures": shown,
    }
