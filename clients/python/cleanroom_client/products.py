"""Focus, halo and total of a lift as event filters; knows no connection.

| product | events that count |
|---|---|
| `focus:category=hair-colour,hair-care` | of the advertised products: the listed values |
| `halo:category=hair-colour,hair-care` | of all others: every other declared value |
| `total` | all: where a halo is negative, the focus took from it |
"""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom_client.errors import QuestionInvalid

_FORM = "expected total, focus:COLUMN=V1,V2 or halo:COLUMN=V1,V2"


def product_filters(
    product: str, declared: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return {column: values} of a product, by the declared values of the sales' event filters.

    Raises QuestionInvalid.
    """
    if product == "total":
        return {}
    kind, _, rest = product.partition(":")
    column, _, listed = rest.partition("=")
    values = tuple(v.strip() for v in listed.split(",") if v.strip())
    if kind not in ("focus", "halo") or not column or not values:
        raise QuestionInvalid(f"product {product}: {_FORM}")
    if column not in declared:
        known = ", ".join(declared) or "none"
        raise QuestionInvalid(f"product {product}: the policy's event filters are {known}")
    unknown = sorted(set(values) - set(declared[column]))
    if unknown:
        raise QuestionInvalid(f"product {product}: {column} has no value {', '.join(unknown)}")
    if kind == "focus":
        return {column: values}
    others = tuple(v for v in declared[column] if v not in values)
    if not others:
        raise QuestionInvalid(f"product {product}: {column} has no other value for a halo")
    return {column: others}
