"""One party of ours: PROFILE DATASET IN.csv [DATASETS]: brings its file through the SDK.

With DATASETS, as in left,right, it then asks for the match rate of the two, as soon as the other
party has sealed, and prints the measurement's JSON.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

# As the commands do: what is imported is not looked over for garbage, and pandas not loaded, since
# no frame is given to Arrow here.
gc.disable()
from cleanroom_client import CleanRoom, Measurement, RoomError  # noqa: E402 - see above
from cleanroom_client.pandas_free import keep_pandas_out  # noqa: E402 - see above

PATIENCE_S, PAUSE_S = 60.0, 0.05


def main() -> None:
    profile, dataset, csv, *asked = sys.argv[1:]
    keep_pandas_out()
    gc.freeze()
    gc.enable()
    with CleanRoom.connect(profile) as room:
        room.bring(dataset, Path(csv))
        for datasets in asked:
            print(json.dumps(answer(room, datasets.split(",")).to_dict()))


def answer(room: CleanRoom, datasets: list[str]) -> Measurement:
    give_up_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return room.match_rate(datasets)
        except RoomError as error:
            if error.reason != "DATASET_NOT_SEALED" or time.monotonic() > give_up_s:
                raise
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
