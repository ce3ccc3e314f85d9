"""Attention by PyTorch's operations: in float64, and written out in the 16 bits of the inputs."""
from gpu import device
from gpu.mask import visible


def place(x, tables, first):
    """Norm and RoPE of [O, L, I, K, F] at positions from `first` on, in the precision of x."""
    import torch
    x = x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt()
    cosine, sine = (table[first:first + x.shape[1]].to(x.dtype)[None, :, None, None] for table in tables)
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1)


def attend(problem, query, key, value):
    """Attention over the visible keys, for [O, L, I, K, F] tensors."""
    import torch
    parts = [x.permute(0, 2, 3, 1, 4) for x in (query, key, value)]
    sees = visible(problem.queries, problem.keys, problem.mask, device.NAME)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        result = torch.nn.functional.scaled_dot_product_attention(*parts, attn_mask=sees, scale=problem.scale)
    return result.permute(0, 3, 1, 2, 4)


def by_torch(problem, tensors, exact):
    """Result and the three gradients, in float64 or in the inputs' format."""
    leaves = [(x.double() if exact else x.detach().clone()).requires_grad_() for x in tensors.inputs]
    query, key, value = leaves
    if problem.placed:
        firsts = (problem.mask.first_query, 0)
        query, key = (place(x if exact else x.float(), tensors.tables, first).to(value.dtype)
                      for x, first in zip((query, key), firsts))
    result = attend(problem, query, key, value)
    result.backward(tensors.grad.to(result.dtype))
    return [result.detach(), *(leaf.grad for leaf in leaves)]


def error(got, exact):
    """Relative, of the whole tensor; how far it is from nothing where nothing is exact."""
    difference, size = (got.double() - exact).norm().item(), exact.norm().item()
    return difference / size if size else difference


def errors(got, exact):
    """Of the result, and of the three gradients together: alone, that of a single key's query is rounding."""
    import torch
    if len(got) == 1:
        return [error(got[0], exact[0])]
    together = [torch.cat([x.double().flatten() for x in grads]) for grads in (got[1:], exact[1:])]
    return [error(got[0], exact[0]), error(*together)]
