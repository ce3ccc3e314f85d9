"""A rollout's step (kernels/cuda/decode_step.cuh, kernels/cuda/decode_frame.cuh): one new token for each sequence, or a
frame of them, against a KV cache. Forward only. The last positions of a problem's keys belong to the new tokens."""
import itertools

from gpu.library import call, numbers, operands
from gpu.mask import Mask, pairs
from gpu.problem import Problem

PART_KEYS, PADDING = 512, 128  # kernels/cuda/decode_attention_call.h


class DecodeAttention:
    name = "decode"
    capabilities = range(80, 1000)
    widths = (32, 64, 128)

    def answers(self, problem):
        """The new tokens come last and see the whole cache. Norm and RoPE are left to the kernels' own tests."""
        sees_all = pairs(problem.queries, problem.keys, problem.mask) == problem.queries * problem.keys
        comes_last = problem.mask.first_query == problem.keys - problem.queries
        return problem.width in self.widths and sees_all and comes_last and not problem.placed

    def prepare(self, library, problem, tensors, memory, stream=None):
        return (Step if problem.queries == 1 else Frame)(library, problem, tensors, memory, stream)

    def problems(self, outer, inner, heads):
        for length, width, fp16 in itertools.product((1, 2, 16, 33, 64), self.widths, (False, True)):
            yield Problem(outer, 1, length, inner, heads, width, Mask(1, 0, 0, 0, length - 1), fp16)
        for frames, width in itertools.product((1, 3, 9), self.widths):
            yield Problem(outer, 67, 67 * frames, 1, heads, width, Mask(67, 0, 0, 0, 67 * (frames - 1)))

    def checked(self):
        return self.problems(2, 7, 3)

    def tiny(self):
        return self.problems(1, 3, 1)


class Ring:
    """The cache as a ring buffer holds it: the oldest is not in the first slot. New tokens come separately."""

    def __init__(self, problem, tensors, memory):
        key_and_value = tensors.inputs[1:]
        self.oldest = problem.keys // 3
        self.kept = [memory.rolled(x, self.oldest) for x in key_and_value]
        self.new = [memory.last(x) for x in key_and_value]
        self.sizes = numbers(*problem.sizes, self.oldest, problem.keys)


class Step:
    def __init__(self, library, problem, tensors, memory, stream):
        self.library, self.problem, self.stream = library, problem, stream
        self.ring, self.keep = Ring(problem, tensors, memory), tensors
        self.operands = operands(tensors.inputs[0], *self.ring.kept, tensors.result, *self.ring.new)

    def forward(self):
        call(self.library, "decode_step", self.problem.fp16, self.operands, self.ring.sizes, self.problem.scale,
             stream=self.stream)


class Frame:
    def __init__(self, library, problem, tensors, memory, stream):
        self.library, self.problem, self.stream = library, problem, stream
        self.ring, self.keep = Ring(problem, tensors, memory), tensors
        self.operands = operands(tensors.inputs[0], *self.ring.kept, tensors.result)
        self.parts, self.padded = -(-problem.keys // PART_KEYS), -(-problem.queries // PADDING) * PADDING
        rows = self.parts * problem.units * self.padded
        self.logs = memory.empty((rows,), "f32")
        self.results = memory.empty((rows if self.parts > 1 else 1, problem.width), "f32")

    def forward(self):
        call(self.library, "decode_frame", self.problem.fp16, self.operands, self.ring.sizes, self.problem.scale,
             self.parts, self.padded, self.results, self.logs, stream=self.stream)
