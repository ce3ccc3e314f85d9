"""The pieces of a run. Each has a process of its own, so that a kernel that hangs or breaks the GPU's context does not
harm other pieces. `weight` is its share of the time."""
import collections

from gpu import cases, kernels

Piece = collections.namedtuple("Piece", "part name weight")

PARTS = ("check", "sanitize", "tests", "train", "bench")  # in this order
WEIGHTS = {"check": 20, "sanitize": 25, "tests": 60, "train": 70}  # a kernel, where there are several
BENCH_WEIGHTS = {"temporal": 45, "causal": 30, "frames": 80, "decode": 30, "operations": 70}  # two are compiled for


def of(parts, only=(), capability=None):
    """The pieces of these parts on such a GPU, in order; of `only` these names, where it is not empty."""
    made = []
    for part in PARTS:
        if part not in parts:
            continue
        if part in ("check", "sanitize"):
            made += [Piece(part, name, WEIGHTS[part]) for name in kernels.names(capability)
                     if part == "check" or name != "cudnn"]  # which is not our code
        elif part == "bench":
            made += [Piece(part, name, BENCH_WEIGHTS[name]) for name in (*cases.ATTENTION, "operations")]
        else:
            made.append(Piece(part, "", WEIGHTS[part]))
    return [piece for piece in made if not only or piece.name in only]


def names(parts):
    return {piece.name for piece in of(parts) if piece.name}
