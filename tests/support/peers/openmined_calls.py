"""Calls of OpenMined PSI for a test: a JSON list of calls on stdin, a list of results on stdout.

Runs in the environment of `openmined.lock`; must import nothing of the product. Bytes are hex.
"""

import json
import sys

import private_set_intersection.python as psi


def request(key, items):
    """What their client sends for `items`."""
    made = psi.client.CreateFromKey(bytes.fromhex(key), True).CreateRequest(items)
    return [element.hex() for element in made.encrypted_elements]


def response(key, elements):
    """What their server answers to a request of `elements`."""
    asked = psi.Request(reveal_intersection=True)
    asked.encrypted_elements.extend(bytes.fromhex(element) for element in elements)
    answered = psi.server.CreateFromKey(bytes.fromhex(key), True).ProcessRequest(asked)
    return [element.hex() for element in answered.encrypted_elements]


def setup(key, items):
    """What their server says of its own `items` beforehand, in the raw data structure."""
    server = psi.server.CreateFromKey(bytes.fromhex(key), True)
    made = server.CreateSetupMessage(0.001, len(items), items, psi.DataStructure.RAW)
    return [element.hex() for element in made.raw.encrypted_elements]


def intersection(key, setup, response):
    """The places of the client's items that their client finds in both."""
    said, answered = psi.ServerSetup(), psi.Response()
    said.raw.encrypted_elements.extend(bytes.fromhex(element) for element in setup)
    answered.encrypted_elements.extend(bytes.fromhex(element) for element in response)
    return psi.client.CreateFromKey(bytes.fromhex(key), True).GetIntersection(said, answered)


CALLS = {call.__name__: call for call in (request, response, setup, intersection)}
json.dump([CALLS[name](**given) for name, given in json.load(sys.stdin)], sys.stdout)
