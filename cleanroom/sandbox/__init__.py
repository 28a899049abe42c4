"""A whole small installation made in one go, for trying out and for tests; not for production.

Must not know the partner SDK: it writes the profiles that the SDK reads.
"""
