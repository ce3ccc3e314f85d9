"""cuDNN's attention as the program calls it (kernels/cuda/cudnn_attention.h): plain causal and full masks, backward in
a fixed order, with the same passes over rows before and after as our own kernels."""
import ctypes
import itertools

from gpu.kernels.flash_attention import CARRY_BACK, Call as FlashCall, FlashAttention
from gpu.library import call, numbers, operand, operands
from gpu.mask import ALL, CAUSAL
from gpu.problem import Problem

MOST_BYTES = 8 << 30  # of a backward's workspace: kMostFixedOrderBytes


class CudnnAttention(FlashAttention):
    promises_bits_alone = False  # its kernels may be chosen by the number of sequences

    def __init__(self):
        super().__init__("cudnn", "nf_cudnn_attention", capabilities=range(80, 1000), least_keys=65)

    def answers(self, problem):
        return super().answers(problem) and problem.mask in (CAUSAL, ALL) and problem.inner == 1

    def prepare(self, library, problem, tensors, memory, stream=None):
        return Call(library, self.entry, problem, tensors, memory, stream)

    def checked(self):
        """Only a few problems, because each needs two plans, which take part of a second."""
        for length, width, mask in itertools.product((65, 1100), self.widths, (CAUSAL, ALL)):
            yield Problem(2, length, length, 1, 3, width, mask, False, True)
        for width, mask in itertools.product(self.widths, (CAUSAL, ALL)):
            yield Problem(2, 384, 384, 1, 3, width, mask, True)
        for width in self.widths:
            yield Problem(2, 70, 300, 1, 3, width, ALL)

    @staticmethod
    def properties(library):
        """The GPU's properties as JSON, with which cuDNN can make plans on a machine without a GPU."""
        text = ctypes.create_string_buffer(1 << 14)
        library.nf_cudnn_device(text, ctypes.c_int64(len(text)))
        return text.value.decode()


class Call(FlashCall):
    def __init__(self, library, entry, problem, tensors, memory, stream):
        super().__init__(library, entry, problem, tensors, memory, stream)
        self.stats = memory.poison((problem.units, problem.queries), "f32")
        if problem.units * problem.queries * problem.keys * 2 > MOST_BYTES:
            self.backward = self.refuse

    @staticmethod
    def refuse():
        raise MemoryError("backward in a fixed order would take more than 8 GiB")

    def attend(self, is_backward, result, grads=()):
        call(self.library, self.entry, is_backward, self.problem.fp16, operands(*self.placed, result, *grads),
             numbers(*operand(self.tensors.result)), *self.numbers, self.stats, self.problem.scale,
             stream=self.stream)

    def backward(self):
        """Backward of the forward call before it."""
        grads = self.tensors.input_grads
        self.place()
        self.attend(True, self.tensors.grad, grads)
        if self.problem.placed:
            self.turn(CARRY_BACK, self.tensors.inputs[0], grads[0], self.problem.mask.first_query)
            self.turn(CARRY_BACK, self.tensors.inputs[1], grads[1])
