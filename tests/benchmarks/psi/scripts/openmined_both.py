"""OpenMined PSI's two parties in one process, as its package is used: LEFT.csv RIGHT.csv.

Runs in the environment of `openmined.lock`; must import nothing of the product.
"""

import csv
import sys
from pathlib import Path

import private_set_intersection.python as psi


def emails(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return [row[0].strip().lower() for row in csv.reader(file)][1:]


client_items, server_items = emails(sys.argv[1]), emails(sys.argv[2])
client = psi.client.CreateWithNewKey(True)
server = psi.server.CreateWithNewKey(True)
# Raw: the other two structures may find people who are not there.
setup = server.CreateSetupMessage(0.0, len(client_items), server_items, psi.DataStructure.RAW)
response = server.ProcessRequest(client.CreateRequest(client_items))
found = client.GetIntersection(setup, response)
print(f"found {len(found)}")
