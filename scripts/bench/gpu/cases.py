"""The benchmark's cases, in groups; each group is a table. Attention problems have the aims of docs/performance.md."""
import dataclasses

from gpu import device
from gpu.mask import CAUSAL, Mask
from gpu.problem import Problem

FRAME = 256  # tokens
COPY = "copy"  # as the peer of an aim: the aim is a part of the copy's rate


@dataclasses.dataclass(frozen=True)
class Case:
    problem: Problem
    passes: tuple = ("forward", "backward")
    aims: dict = dataclasses.field(default_factory=dict)  # pass: (peers, how many times as fast we have to be)


def temporal():
    """Attention over time: 65,536 sequences times heads."""
    libraries = ("cuDNN", "flash", "efficient")
    aims = {(16, 64): (4, 5), (32, 64): (2, 2), (64, 64): (1, 1), (16, 128): (2.5, 2.5), (32, 128): (1.2, 1.2)}
    for width in (64, 128, 32):
        for length in (16, 32, 64):
            wanted = dict(zip(("forward", "backward"), aims.get((length, width), ())))
            yield Case(Problem(8, length, length, 1024, 8, width),
                       aims={which: (libraries, least) for which, least in wanted.items()})


def causal():
    """16,384 tokens of 2,048 values in all."""
    for width, aims in ((128, {"forward": (("cuDNN",), 0.75), "backward": (("cuDNN",), 0.7)}),
                        (64, {"forward": (("cuDNN",), 0.9)})):
        for length in (4096, 8192, 16384):
            yield Case(Problem(16384 // length, length, length, 1, 2048 // width, width, CAUSAL), aims=aims)


def frames():
    """The same, in frames of 256 tokens."""
    for width in (128, 64):
        for length in (4096, 8192, 16384):
            yield Case(Problem(16384 // length, length, length, 1, 2048 // width, width, Mask(FRAME)),
                       aims={"forward": (("flex",), 1.3), "backward": (("flex",), 1.5)})


def decode():
    """A new frame against more and more cached keys, and one query for each token's past."""
    for count in (1, 4, 16, 64):
        yield Case(Problem(8, FRAME, FRAME * count, 1, 16, 64, Mask(FRAME, 0, 0, 0, FRAME * (count - 1))), ("forward",))
    for count in (8, 16, 32, 64):
        yield Case(Problem(8, 1, count, 1024, 16, 64, Mask(1, 0, 0, 0, count - 1)), ("forward",),
                   {"forward": ((COPY,), 0.75)})


ATTENTION = {"temporal": temporal, "causal": causal, "frames": frames, "decode": decode}
BY_BYTES = ("temporal", "decode", "operations")  # bound by memory: compared with the rate of a copy


def attention(group):
    for case in ATTENTION[group]():
        yield dataclasses.replace(case, problem=shrunk(case.problem)) if device.is_rehearsal() else case


def shrunk(problem):
    """The problem, made small enough for a rehearsal on a CPU."""
    p, mask = problem, problem.mask
    times = 32 if p.keys > 512 or p.queries > 1 and p.keys > 64 else 1
    mask = mask._replace(first_query=mask.first_query // times,
                         frame_tokens=mask.frame_tokens if mask.frame_tokens < 2 else mask.frame_tokens // times)
    return dataclasses.replace(p, outer=min(p.outer, 2), queries=max(1, p.queries // times), keys=p.keys // times,
                               inner=min(p.inner, 3), heads=2, mask=mask)
