"""The kernels under test as a library with a C interface, and the conversion of arguments for it."""
import ctypes
import os

from gpu import device


class CudaError(RuntimeError):
    """A kernel could not be started, or an earlier one failed."""


def load(path):
    library = ctypes.CDLL(os.path.abspath(path))
    library.nf_allocate.restype = ctypes.c_void_p
    library.nf_allocate.argtypes = [ctypes.c_int64]
    library.nf_free.argtypes = [ctypes.c_void_p]
    library.nf_copy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    return library


def numbers(*values):
    return (ctypes.c_int64 * len(values))(*values)


def operand(tensor):
    """Address, and strides of outer, position, inner and head in values."""
    return (tensor.data_ptr(), *tensor.stride()[:4])


def operands(*tensors):
    """Query, key, value, result, and the gradients of the first three."""
    flat = [number for tensor in tensors for number in operand(tensor)]
    return numbers(*flat, *[0] * (35 - len(flat)))


def as_c(x):
    """Converts tensors to addresses, None to null, lists to arrays, integers to int64."""
    if x is None or hasattr(x, "data_ptr"):
        return ctypes.c_void_p(x.data_ptr() if x is not None else None)
    if isinstance(x, (bool, int)):
        return ctypes.c_int(x) if isinstance(x, bool) else ctypes.c_int64(x)
    if isinstance(x, (list, tuple)):
        kind = {int: ctypes.c_int64, bool: ctypes.c_int, float: ctypes.c_float}[type(x[0])]
        return (kind * len(x))(*x)
    return ctypes.c_float(x) if isinstance(x, float) else x


def call(library, name, *arguments, stream=None):
    """Calls nf_`name`; the stream comes last."""
    error = getattr(library, "nf_" + name)(*map(as_c, arguments), ctypes.c_void_p(stream))
    if error:
        raise CudaError(f"{name}: CUDA's error {error}")


def finish(library):
    """Waits for all kernels. An error inside a kernel is reported here."""
    error = 0 if device.is_rehearsal() else library.nf_synchronize()
    if error:
        raise CudaError(f"a kernel failed: CUDA's error {error}")
