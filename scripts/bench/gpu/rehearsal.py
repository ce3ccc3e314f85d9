"""A stand-in for the library of kernels that computes attention with PyTorch on the CPU: for --rehearse."""
import ctypes
import types

from gpu import reference
from gpu.kernels.flash_attention import CARRY_BACK, PLACE
from gpu.mask import Mask


def plain(x):
    return getattr(x, "value", x)


def tensor_at(numbers, shape, is_fp16):
    """The tensor behind an address and four strides."""
    import torch
    address, *strides = numbers
    strides.append(1)
    count = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides))
    memory = (ctypes.c_uint16 * count).from_address(address)
    flat = torch.frombuffer(memory, dtype=torch.float16 if is_fp16 else torch.bfloat16)
    return torch.as_strided(flat, shape, strides)


def table_at(address, rows, width):
    import torch
    memory = (ctypes.c_float * (rows * width)).from_address(address)
    return torch.frombuffer(memory, dtype=torch.float32).view(rows, width)


def answer(is_backward, is_fp16, operands, sizes, mask, tables, scale):
    """Attention with the arguments of the kernels, in float64."""
    outer, queries, keys, inner, heads, width = sizes
    shapes = [(outer, length, inner, heads, width) for length in (queries, keys, keys, queries, queries, keys, keys)]
    parts = [tensor_at(operands[5 * i:5 * i + 5], shape, is_fp16) if operands[5 * i] else None
             for i, shape in enumerate(shapes)]
    problem = types.SimpleNamespace(queries=queries, keys=keys, mask=Mask(*mask), scale=scale,
                                    placed=tables is not None)
    tensors = types.SimpleNamespace(inputs=parts[:3], grad=parts[3 if is_backward else 0], tables=tables)
    results = reference.by_torch(problem, tensors, exact=True)
    for target, result in zip([None, *parts[4:]] if is_backward else [parts[3]], results):
        if target is not None:
            target.copy_(result)


class StandIn:
    """Knows attention; everything else does nothing."""

    def __getattr__(self, name):
        return lambda *arguments: 0

    def nf_short_attention(self, *arguments):
        is_backward, is_fp16, operands, sizes, mask, placed, cosine, sine, scale, _ = map(plain, arguments)
        rows, width = mask[4] + max(sizes[1], sizes[2]), sizes[5] // 2
        tables = [table_at(x, rows, width) for x in (cosine, sine)] if placed else None
        answer(is_backward, is_fp16, list(operands), list(sizes), list(mask), tables, scale)
        return 0

    def nf_flash_attention(self, *arguments):
        is_backward, is_fp16, operands, sizes, mask, _, _, scale, _ = map(plain, arguments)
        answer(is_backward, is_fp16, list(operands), list(sizes), list(mask), None, scale)
        return 0

    nf_hopper_attention = nf_flash_attention

    def nf_cudnn_attention(self, *arguments):
        is_backward, is_fp16, operands, _, sizes, mask, _, scale, _ = map(plain, arguments)
        answer(is_backward, is_fp16, list(operands), list(sizes), list(mask), None, scale)
        return 0

    def nf_decode_step(self, *arguments):
        is_fp16, operands, sizes, scale, *_ = map(plain, arguments)
        outer, queries, slots, inner, heads, width, oldest, _ = sizes
        query, key, value, result = (tensor_at(list(operands[5 * i:5 * i + 5]), (outer, length, inner, heads, width),
                                               is_fp16) for i, length in enumerate((queries, slots, slots, queries)))
        if queries == 1:
            newest = (oldest - 1) % slots
            for kept, at in ((key, 20), (value, 25)):
                shape = (outer, 1, inner, heads, width)
                kept[:, newest:newest + 1] = tensor_at(list(operands[at:at + 5]), shape, is_fp16)
        problem = types.SimpleNamespace(queries=queries, keys=slots, mask=Mask(0), scale=scale)
        parts = (x.double() for x in (query, key.roll(-oldest, 1), value.roll(-oldest, 1)))
        result.copy_(reference.attend(problem, *parts))
        return 0

    nf_decode_frame = nf_decode_step

    def nf_attention_pass(self, *arguments):
        import torch
        which, is_fp16, source, target, sizes, placed, cosine, sine, *_ = map(plain, arguments)
        outer, positions, inner, heads, width, _, first = sizes
        if which not in (PLACE, CARRY_BACK) or not placed:
            return 0
        raw, other = (tensor_at(list(x), (outer, positions, inner, heads, width), is_fp16) for x in (source, target))
        tables = [table_at(x, first + positions, width // 2) for x in (cosine, sine)]
        leaf = raw.double().requires_grad_()
        made = reference.place(leaf, tables, first)
        other.copy_(made.detach() if which == PLACE else torch.autograd.grad(made, leaf, other.double())[0])
        return 0
