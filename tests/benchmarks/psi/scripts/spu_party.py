"""One party of SecretFlow SPU's ECDH: CURVE ADDRESS ADDRESS RANK IN.csv OUT.csv.

Runs in the environment of `spu.lock`; must import nothing of the product. Rank 0 receives the
result, as the party that asks does with us.
"""

import sys

from spu import psi
from spu.libspu import link

curve, *addresses, rank, source, target = sys.argv[1:]
description = link.Desc()
description.id = "bench"
for place, address in enumerate(addresses):
    description.add_party(f"party{place}", address)
context = link.create_brpc(description, int(rank))
config = psi.PsiExecuteConfig(
    protocol_conf=psi.PsiProtocolConfig(
        protocol=psi.PsiProtocol.PROTOCOL_ECDH,
        receiver_rank=0,
        broadcast_result=False,
        ecdh_params=psi.EcdhParams(curve=psi.parse_curve_type(curve)),
    ),
    input_params=psi.InputParams(path=source, selected_keys=["email"], keys_unique=True),
    output_params=psi.OutputParams(path=target, disable_alignment=True),
)
result = psi.psi_execute(config, context)
print(f"found {result.intersection_count}")
