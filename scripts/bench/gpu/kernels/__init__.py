"""The kernels that a run looks at. To add one: a line here, and beside it a .cu file with its C interface, if it needs
one of its own (all .cu files of kernels/cuda/ and of this folder become one library).

A kernel of attention says which problems it `answers`, `prepare`s a call of one (forward and backward), and names the
problems on which it is checked. A family of operations makes `operations(library, memory, size)`.
"""
from gpu.kernels import operations
from gpu.kernels.flash_attention import FlashAttention
from gpu.kernels.short_attention import ShortAttention

ATTENTION = [
    ShortAttention(),
    FlashAttention("flash", "nf_flash_attention", least_capability=80),
]
OPERATIONS = operations.GROUPS


def names():
    return [kernel.name for kernel in ATTENTION] + ["operations"]


def attention(name):
    return next(kernel for kernel in ATTENTION if kernel.name == name)
