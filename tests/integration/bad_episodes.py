"""Writes 12 episodes, some with actions so large that no loss survives them: bad_episodes.py FILE [EPISODE ...]."""
import sys

import h5py
import numpy as np

path, bad = sys.argv[1], [int(word) for word in sys.argv[2:]]
rng = np.random.default_rng(0)
lengths = np.full(12, 24, np.int32)
actions = rng.normal(size=(lengths.sum(), 2)).astype(np.float32)
for episode in bad:
    actions[episode * 24 : (episode + 1) * 24] = 3e38
with h5py.File(path, "w") as f:
    f["pixels"] = rng.integers(0, 64, (lengths.sum(), 32, 32, 3), dtype=np.uint8)
    f["action"] = actions
    f["ep_len"] = lengths
    f["ep_offset"] = np.cumsum(lengths) - lengths
