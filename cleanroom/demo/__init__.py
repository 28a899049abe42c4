"""The main job played end to end by made-up companies on one machine; no part of the service.

`python -m cleanroom.demo` makes three parties' files, starts the real server and one process for
each party, asks the three families of questions, and compares the answers with what was planted.
"""
