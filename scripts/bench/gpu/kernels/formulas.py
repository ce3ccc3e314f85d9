"""The fused operations as formulas in PyTorch's operations: float64 where the inputs are, else in their formats."""
# As in kernels/cpu/loops.h: AdamW's constants, and the numbers that a step reads from memory.
ADAMW_CONSTANTS = (0.9, 0.1, 0.99, 0.01, 1e-8)
ADAMW_NUMBERS = (0.37, 0.9999, 1.3e-3, 3.1, 0.999, 0.001, 0.0)


def kept(x, dtype):
    """The format of a result: `dtype`, or float64 if the inputs are float64."""
    import torch
    return torch.float64 if x.dtype == torch.float64 else dtype


def norm(x, dtype):
    return (x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt()).to(dtype)


def norm_to_bf16(x):
    import torch
    return norm(x, kept(x, torch.bfloat16))


def add_norm(x, update):
    total = x + update
    return total, norm(total, update.dtype)


def swiglu(x):
    import torch
    wide = x if x.dtype == torch.float64 else x.float()
    a, b = wide.chunk(2, -1)
    return (torch.nn.functional.silu(a) * b).to(x.dtype)


def cut(frames, patch):
    import torch
    x = frames.float() / 127.5 - 1 if frames.dtype == torch.uint8 else frames
    b, t, h, w, c = x.shape
    x = x.reshape(b, t, h // patch, patch, w // patch, patch, c).permute(0, 1, 2, 4, 3, 5, 6)
    return x.reshape(b, t, h // patch * (w // patch), patch * patch * c).to(kept(x, torch.bfloat16))


def with_changes(frames, patch):
    import torch
    earlier = torch.cat((frames[:, :1], frames[:, :-1]), 1)
    return torch.cat((cut(frames, patch), cut(frames - earlier, patch)), 3)


def join(patches, sizes):
    import torch
    b, t, h, w, c, patch, halo = sizes
    window = patch + 2 * halo
    exact = patches if patches.dtype == torch.float64 else patches.float()
    if halo == 0:
        x = exact.reshape(b, t, h // patch, w // patch, patch, patch, c).permute(0, 1, 2, 4, 3, 5, 6)
        return x.reshape(b, t, h, w, c)
    columns = exact.reshape(b * t, -1, window * window, c).permute(0, 3, 2, 1).flatten(1, 2)
    frames = torch.nn.functional.fold(columns, (h, w), window, padding=halo, stride=patch)
    return frames.permute(0, 2, 3, 1).reshape(b, t, h, w, c)


def squared_error(a, b):
    return (a - b).square().flatten(2).sum(2)


def cross_entropy(logits, targets):
    import torch
    exact = logits if logits.dtype == torch.float64 else logits.float()
    return torch.nn.functional.cross_entropy(exact, targets, reduction="none")


def adamw(value, moment1, moment2, average, gradient):
    b1, c1, b2, c2, epsilon = ADAMW_CONSTANTS
    scale, shrink, step, root, decay, rest, _ = ADAMW_NUMBERS
    g = gradient * scale
    m = moment1 * b1 + g * c1
    v = moment2 * b2 + g * g * c2
    new = value * shrink - m / (v.sqrt() * root + epsilon) * step
    return new, m, v, average * decay + new * rest


def squared_norm(x):
    return x.double().square().sum()[None]
