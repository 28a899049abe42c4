"""Focus, halo and total as event filters."""

from __future__ import annotations

import pytest

from cleanroom_client.errors import QuestionInvalid
from cleanroom_client.products import product_filters

DECLARED = {"category": ("hair-colour", "hair-care", "other"), "brand": ("acme",)}


def test_a_focus_is_the_listed_values():
    found = product_filters("focus:category=hair-colour, hair-care", DECLARED)
    assert found == {"category": ("hair-colour", "hair-care")}


def test_a_halo_is_every_other_declared_value():
    found = product_filters("halo:category=hair-colour", DECLARED)
    assert found == {"category": ("hair-care", "other")}


def test_the_total_keeps_everything():
    assert product_filters("total", DECLARED) == {}


@pytest.mark.parametrize(
    ("product", "told"),
    [
        ("all", "focus:COLUMN=V1,V2"),
        ("focus:category", "focus:COLUMN=V1,V2"),
        ("halo:=x", "halo:COLUMN=V1,V2"),
        ("focus:colour=red", "event filters are category, brand"),
        ("halo:category=hats", "category has no value hats"),
        ("halo:brand=acme", "no other value for a halo"),
    ],
)
def test_what_is_no_product_says_what_one_is(product, told):
    with pytest.raises(QuestionInvalid, match=told):
        product_filters(product, DECLARED)
