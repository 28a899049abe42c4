"""`cleanroom policy schema`: the grammar as a JSON Schema, for editors."""

from __future__ import annotations

from cleanroom.cli.terminal import say


def schema() -> None:
    """Print the JSON Schema of policies, which tells an editor the keys and what they mean.

    Name it in the first line of a policy: # yaml-language-server: $schema=policy.schema.json
    The parser checks more than a schema can say; the schema's description lists what.

    Example: cleanroom policy schema > policy.schema.json
    """
    from cleanroom.policy.schema import schema_text

    say(schema_text(), end="")
