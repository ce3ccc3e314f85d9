"""Writes HDF5 shards as other programs do, and looks how a bad one is refused. It holds no cases."""
import json
import os

import h5py
import numpy as np

OLD = ("earliest", "v110")  # bounds of the file format: HDF5 1.10 reads it


def foreign(path, pixels, actions=None, lengths=(40, 40, 40, 40), libver=OLD, **storage):
    """A shard of foreign make whose pixels are stored as `storage` says."""
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("pixels", data=pixels, **storage)
        if actions is not None:
            file["action"] = actions
        file["ep_len"] = np.array(lengths, np.int32)
        file["ep_offset"] = np.cumsum([0] + list(lengths)[:-1]).astype(np.int64)


def set_column(path, name, values, **kind):
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        file.create_dataset(name, data=values, **kind)


def refused(t, path, says, lacks=()):
    """Each way to read a shard ends with 3 and the same reason."""
    t.run(["data", "verify", path], exits=3, says=says, lacks=lacks, timeout=20)
    t.run(["data", "inspect", path], exits=3, says=says, lacks=lacks, timeout=20)


def refused_together(t, says):
    """One `data verify` over all of them: {path: what must be said}."""
    os.makedirs("together", exist_ok=True)
    for path in says:
        os.replace(path, os.path.join("together", path))
    found = json.loads(t.run(["data", "verify", "--json", "together/*"], exits=3, timeout=60).text)
    for path, needed in says.items():
        problem = " ".join(line for line in found["problems"] if line.startswith("together/" + path + ":"))
        for text in (needed,) if isinstance(needed, str) else needed:
            t.is_(text in problem, True, f"{path} says '{text}', in '{problem[:300]}'")
        os.remove(os.path.join("together", path))
