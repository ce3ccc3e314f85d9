"""The kernels that a run checks. To add one, write a line here and, if it needs a C interface of its own, a .cu file in
this folder. All .cu files of kernels/cuda/ and of this folder become one library.

A kernel of attention says on GPUs of which `capabilities` it runs, which problems it `answers`, `prepare`s a call of
one (forward, and backward if it has one), and names the problems on which it is checked. A group of operations is a
generator of them.
"""
from gpu.kernels import operations
from gpu.kernels.cudnn_attention import CudnnAttention
from gpu.kernels.decode_attention import DecodeAttention
from gpu.kernels.flash_attention import FlashAttention
from gpu.kernels.short_attention import ShortAttention

ATTENTION = [
    ShortAttention(),
    DecodeAttention(),
    FlashAttention("flash", "nf_flash_attention", capabilities=range(80, 1000)),
    FlashAttention("hopper", "nf_hopper_attention", capabilities=(90,), widths=(64, 128)),
    CudnnAttention(),
]
OPERATIONS = operations.GROUPS


def names(capability=None):
    """Names of all kernels, or of those that run on a GPU of this compute capability."""
    return [kernel.name for kernel in ATTENTION if capability is None or capability in kernel.capabilities] + \
        ["operations"]


def is_in(library, kernel):
    """Whether the library has the kernel. cuDNN's is missing if its headers were missing when the library was built."""
    return not hasattr(kernel, "entry") or hasattr(library, kernel.entry)


def attention(name):
    return next(kernel for kernel in ATTENTION if kernel.name == name)
