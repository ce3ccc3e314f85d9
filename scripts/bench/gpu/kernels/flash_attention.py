"""Attention over sequences of any length, in the steps of kernels/cuda/flash_attention_plan.h: norm and RoPE of queries
and keys, attention, and the same backward. A kernel with the same call is one more object with another entry."""
import itertools

from gpu.library import as_c, call, numbers, operand, operands
from gpu.mask import ALL, CAUSAL, Mask
from gpu.problem import Problem

PADDING = 128
PLACE, CARRY_BACK, ROW_TERMS = range(3)


class FlashAttention:
    promises_bits_alone = True

    def __init__(self, name, entry, capabilities, widths=(32, 64, 128), least_keys=2):
        self.name, self.entry, self.capabilities = name, entry, capabilities
        self.widths, self.least_keys = widths, least_keys

    def answers(self, problem):
        return problem.width in self.widths and problem.keys >= self.least_keys

    def prepare(self, library, problem, tensors, memory, stream=None):
        return Call(library, self.entry, problem, tensors, memory, stream)

    def checked(self):
        masks = [CAUSAL, ALL, Mask(64), Mask(48, 3), Mask(1, 100, 7), Mask(16, 4, 2, 15)]
        for length, width, mask, placed in itertools.product((65, 300, 1100), self.widths, masks, (False, True)):
            yield Problem(2, length, length, 1, 3, width, mask, False, placed)
        for width, mask, placed in itertools.product(self.widths, masks[:3], (False, True)):
            yield Problem(2, 384, 384, 1, 3, width, mask, True, placed)
        for frames, width, placed in itertools.product((1, 2, 7), self.widths, (False, True)):  # a new frame of 67
            yield Problem(2, 67, 67 * frames, 1, 3, width, Mask(67, 0, 0, 0, 67 * (frames - 1)), False, placed)

    def tiny(self):
        for length, width, fp16, mask in itertools.product((70, 133), self.widths, (False, True),
                                                           (CAUSAL, Mask(48, 2, 1))):
            yield Problem(1, length, length, 1, 1, width, mask, fp16, True)
        for width in self.widths:
            yield Problem(1, 35, 105, 1, 1, width, Mask(35, 0, 0, 0, 70), False, True)


class Call:
    def __init__(self, library, entry, problem, tensors, memory, stream):
        self.library, self.entry, self.problem, self.stream = library, entry.removeprefix("nf_"), problem, stream
        self.tensors = tensors
        query, key, value = tensors.inputs
        if problem.placed:
            query, key = (memory.empty(x.shape, problem.dtype) for x in (query, key))
        self.placed = [query, key, value]
        self.padded = -(-problem.queries // PADDING) * PADDING
        self.log_sums = memory.poison((problem.units, self.padded), "f32")
        self.terms = memory.poison((problem.units, self.padded, 2), "f32")
        self.numbers = numbers(*problem.sizes), numbers(*problem.mask)

    def turn(self, which, source, target, first=0, positions=None):
        sizes = numbers(*source.shape, positions or source.shape[1], first)
        tables = self.tensors.tables or (None, None)
        call(self.library, "attention_pass", which, self.problem.fp16, numbers(*operand(source)),
             numbers(*operand(target)), sizes, self.problem.placed, *map(as_c, tables), self.log_sums, self.terms,
             stream=self.stream)

    def attend(self, is_backward, result, grads=()):
        call(self.library, self.entry, is_backward, self.problem.fp16, operands(*self.placed, result, *grads),
             *self.numbers, self.log_sums, self.terms, self.problem.scale, stream=self.stream)

    def place(self):
        if self.problem.placed:
            self.turn(PLACE, self.tensors.inputs[0], self.placed[0], self.problem.mask.first_query)
            self.turn(PLACE, self.tensors.inputs[1], self.placed[1])

    def forward(self):
        self.place()
        self.attend(False, self.tensors.result)

    def backward(self):
        """Backward of the forward call before it."""
        grads = self.tensors.input_grads
        self.place()
        self.turn(ROW_TERMS, self.tensors.result, self.tensors.grad, positions=self.padded)
        self.attend(True, self.tensors.grad, grads)
        if self.problem.placed:
            self.turn(CARRY_BACK, self.tensors.inputs[0], grads[0], self.problem.mask.first_query)
            self.turn(CARRY_BACK, self.tensors.inputs[1], grads[1])
