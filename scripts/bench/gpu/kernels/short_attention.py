"""Attention over at most 64 queries and keys (kernels/cuda/short_attention.cuh): attention over time, and rollouts with
a KV cache."""
import itertools

from gpu.library import as_c, call, numbers, operands
from gpu.mask import CAUSAL, Mask
from gpu.problem import Problem


class ShortAttention:
    name = "short"
    capabilities = range(80, 1000)
    widths = (32, 64, 128)

    def answers(self, problem):
        return max(problem.queries, problem.keys) <= 64 and problem.width in self.widths

    def prepare(self, library, problem, tensors, memory, stream=None):  # pylint: disable=unused-argument
        return Call(library, problem, tensors, stream)

    def checked(self):
        """Every tile count, width and format; every kind of mask; one query of a growing past."""
        for length, width, fp16, placed in itertools.product((1, 5, 16, 17, 31, 32, 47, 64), self.widths, (False, True),
                                                             (False, True)):
            yield Problem(2, length, length, 7, 3, width, CAUSAL, fp16, placed)
        masks = [Mask(0), Mask(4), Mask(1, 3), Mask(3, 2, 1), Mask(2, 2, 1, 6)]
        for length, width, mask, placed in itertools.product((30, 60), (32, 64), masks, (False, True)):
            yield Problem(2, length, length, 7, 3, width, mask, False, placed)
        for length, width, placed in itertools.product((2, 16, 40, 64), (32, 64), (False, True)):
            yield Problem(2, 1, length, 7, 3, width, Mask(1, 0, 0, 0, length - 1), False, placed)

    def tiny(self):
        for length, width, fp16, placed in itertools.product((5, 16, 29, 32, 50, 64), self.widths, (False, True),
                                                             (False, True)):
            yield Problem(1, length, length, 3, 1, width, Mask(2, 3, 1), fp16, placed)
            yield Problem(1, 1, length, 3, 1, width, Mask(1, 0, 0, 0, length - 1), fp16, placed)


class Call:
    def __init__(self, library, problem, tensors, stream):
        self.library, self.stream, self.keep = library, stream, tensors
        tables = tensors.tables or (None, None)
        self.last = (numbers(*problem.sizes), numbers(*problem.mask), problem.placed, *map(as_c, tables), problem.scale)
        self.fp16 = problem.fp16
        self.inputs = operands(*tensors.inputs, tensors.result)
        self.with_grads = operands(*tensors.inputs, tensors.grad, *tensors.input_grads)

    def forward(self):
        call(self.library, "short_attention", False, self.fp16, self.inputs, *self.last, stream=self.stream)

    def backward(self):
        call(self.library, "short_attention", True, self.fp16, self.with_grads, *self.last, stream=self.stream)
