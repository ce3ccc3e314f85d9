"""The fused operations (kernels/cuda/operations.h): groups of generators; `size` scales their shapes, 1 in a bench."""
from gpu import device, library as libraries
from gpu.kernels import formulas
from gpu.kernels.operation import Operation


class Kernels:
    """kernels.name(...) calls nf_name on PyTorch's stream."""

    def __init__(self, library, stream):
        self.library, self.stream = library, stream

    def __getattr__(self, name):
        return lambda *arguments: libraries.call(self.library, name, *arguments, stream=self.stream)


def rows(k, memory, size):
    count, width = max(37, int(65536 * size)), 1024
    n = count * width
    x, update = memory.normal((count, width), "f32"), memory.normal((count, width), "bf16")
    total, half = memory.empty((count, width), "f32"), memory.empty((count, width), "bf16")
    yield Operation("norm", 6 * n, [half], lambda: k.add_norm(count, width, True, x, None, None, half),
                    formulas.norm_to_bf16, [x])
    add_norm = lambda: k.add_norm(count, width, True, x, update, total, half)  # noqa: E731
    yield Operation("add + norm", 12 * n, [total, half], add_norm, formulas.add_norm, [x, update])
    add_norm()  # total is what backward is given
    grad_sum, grad_norm = memory.normal((count, width), "f32"), memory.normal((count, width), "bf16")
    grad_x, grad_update = memory.empty((count, width), "f32"), memory.empty((count, width), "bf16")
    yield Operation("add + norm, backward", 16 * n, [grad_x, grad_update],
                    lambda: k.add_norm_backward(count, width, True, total, grad_sum, grad_norm, grad_x, grad_update),
                    formulas.add_norm, [x, update], [grad_sum, grad_norm])


def gates(k, memory, size):
    count, width = max(37, int(16384 * size)), 4096
    n = count * width
    x, grad = memory.normal((count, 2 * width), "bf16"), memory.normal((count, width), "bf16")
    result, grad_x = memory.empty((count, width), "bf16"), memory.empty((count, 2 * width), "bf16")
    yield Operation("swiglu", 6 * n, [result], lambda: k.swiglu(count, width, True, x, result), formulas.swiglu, [x])
    yield Operation("swiglu, backward", 10 * n, [grad_x],
                    lambda: k.swiglu_backward(count, width, True, x, grad, grad_x), formulas.swiglu, [x], [grad])


def entropy(k, memory, size):
    for vocabulary in (1024, 16384):
        count = max(37, int(size * (1 << 27) / vocabulary))
        n = count * vocabulary
        logits, grad_logits = memory.normal((count, vocabulary), "bf16"), memory.empty((count, vocabulary), "bf16")
        targets = memory.integers(vocabulary, (count,), "i64")
        losses, log_sums, grad = (memory.normal((count,), "f32") for _ in range(3))
        forward = lambda: k.cross_entropy(count, vocabulary, True, logits, targets, losses, log_sums)  # noqa: E731
        yield Operation(f"cross-entropy of {vocabulary}", 2 * n, [losses], forward, formulas.cross_entropy,
                        [logits, targets])
        forward()  # log_sums are what backward is given
        yield Operation(f"cross-entropy of {vocabulary}, backward", 4 * n, [grad_logits],
                        lambda: k.cross_entropy_backward(count, vocabulary, True, logits, targets, log_sums, grad,
                                                         grad_logits),
                        formulas.cross_entropy, [logits, targets], [grad])


def patches(k, memory, size):
    b, t, h, w, c, patch = max(2, int(64 * size)), 16, 128, 128, 3, 8
    n, shape = b * t * h * w * c, (b, t, h, w, c)
    data, frames = memory.integers(256, shape, "u8"), memory.normal(shape, "f32")
    cut = (b, t, h // patch * (w // patch), patch * patch * c)
    made, twice = memory.empty(cut, "bf16"), memory.empty((*cut[:3], 2 * cut[3]), "bf16")
    sizes, haloed = [b, t, h, w, c, patch, 0], [b, t, h, w, c, patch, 2]
    yield Operation("patches of bytes", 3 * n, [made], lambda: k.cut_patches(sizes, [True, True, False], data, made),
                    lambda x: formulas.cut(x, patch), [data])
    yield Operation("patches with changes", 8 * n, [twice],
                    lambda: k.cut_patches(sizes, [False, True, True], frames, twice),
                    lambda x: formulas.with_changes(x, patch), [frames])
    source, joined = memory.normal(cut, "bf16"), memory.empty(shape, "f32")
    yield Operation("frames of patches", 6 * n, [joined],
                    lambda: k.join_patches(sizes, [False, True, False], joined, source),
                    lambda x: formulas.join(x, sizes), [source])
    wide, beside = memory.normal((*cut[:3], (patch + 4) ** 2 * c), "bf16"), memory.empty(shape, "f32")
    yield Operation("frames of patches, halo 2", 4 * n + 2 * wide.numel(), [beside],
                    lambda: k.join_patches(haloed, [False, True, False], beside, wide),
                    lambda x: formulas.join(x, haloed), [wide])


def errors(k, memory, size):
    b, t, values = max(2, int(64 * size)), 16, 128 * 128 * 3
    n = b * t * values
    a, other, grad_a = (memory.normal((b, t, values), "f32") for _ in range(3))
    result, grad = memory.empty((b, t), "f32"), memory.normal((b, t), "f32")
    parts = memory.empty((b * t * (values // 16384 + 1),), "f64")
    yield Operation("squared error", 8 * n, [result],
                    lambda: k.squared_error(a, other, b * t, values, parts, result), formulas.squared_error, [a, other])
    yield Operation("squared error, backward", 12 * n, [grad_a],
                    lambda: k.squared_error_backward(a, other, grad, b * t, values, grad_a),
                    lambda x: formulas.squared_error(x, other.to(x.dtype)), [a], [grad])


def buffers(k, memory, size):
    n = max(10007, int(size * (1 << 26)))
    start = [memory.normal((n,), "f32") for _ in range(5)]
    if hasattr(start[2], "abs_"):
        start[2].abs_()
    ours = [x.clone() if hasattr(x, "clone") else x for x in start]
    numbers, constants = memory.given(formulas.ADAMW_NUMBERS, "f32"), list(formulas.ADAMW_CONSTANTS)
    yield Operation("adamw with average", 36 * n, ours[:4], lambda: k.adamw(*ours, numbers, constants, n),
                    formulas.adamw, start, has_cpu_bits=True)
    x, result = memory.normal((4 * n,), "f32"), memory.empty((1,), "f64")
    parts = memory.empty((4 * n // 16384 + 1,), "f64")
    yield Operation("squared norm", 16 * n, [result], lambda: k.squared_norm(x, 4 * n, parts, result),
                    formulas.squared_norm, [x], tolerance=1e-13)


def draws(k, memory, size):
    count, width = 8, max(1250, int(size * (1 << 23)))
    seed_and_step = memory.given((12345, 67), "i64")
    ids, noise = memory.integers(1000, (count,), "i64"), memory.empty((count, width), "f32")
    yield Operation("normals (PyTorch: its own)", 4 * count * width, [noise],
                    lambda: k.draw(seed_and_step, ids, count, width, True, noise), draw_by_torch, [noise], are_normals=True)


def draw_by_torch(like):
    import torch
    return torch.randn_like(like)


def with_kernels(group):
    """The group as a function of a library, on PyTorch's stream, or on the default one for memory without PyTorch."""
    def made(library, memory, size):
        yield from group(Kernels(library, device.stream() if memory.has_stream else None), memory, size)
    return made


GROUPS = [with_kernels(group) for group in (rows, gates, entropy, patches, errors, buffers, draws)]
