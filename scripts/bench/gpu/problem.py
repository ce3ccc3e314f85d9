"""One call of attention as numbers: shape, mask, format; its tensors, bytes and operations."""
import dataclasses
import types

from gpu import mask as masks


@dataclasses.dataclass(frozen=True)
class Problem:
    """[outer, positions, inner, heads, width] tensors. `placed`: the call includes norm and RoPE of both."""
    outer: int
    queries: int
    keys: int
    inner: int
    heads: int
    width: int
    mask: masks.Mask = masks.CAUSAL
    fp16: bool = False
    placed: bool = False

    @property
    def scale(self):
        return self.width ** -0.5 * (1.5 if self.placed else 1)

    @property
    def units(self):
        return self.outer * self.inner * self.heads

    @property
    def sizes(self):
        return self.outer, self.queries, self.keys, self.inner, self.heads, self.width

    @property
    def dtype(self):
        return "fp16" if self.fp16 else "bf16"

    def name(self):
        length = f"T{self.keys}" if self.queries == self.keys else f"{self.queries} of T{self.keys}"
        mask = {masks.CAUSAL: "", masks.ALL: " all"}.get(self.mask, " frames " + ",".join(map(str, self.mask)))
        return f"{length} D{self.width} {self.dtype}{mask}{' placed' if self.placed else ''}"

    def moved(self, which):
        """Bytes that have to move: 2 a value."""
        a, b = self.queries, self.keys
        return 2 * self.units * self.width * (2 * a + 2 * b if which == "forward" else 3 * a + 4 * b)

    def operations(self, which):
        """Operations for visible pairs: two products forward, five backward."""
        products = 2 if which == "forward" else 5
        return products * 2 * self.width * self.units * masks.pairs(self.queries, self.keys, self.mask)

    def tensors(self, memory, packed=True):
        """Random inputs, and results filled with poison. `packed`: query, key and value are neighbours in memory."""
        o, q, k, i, h, w = self.sizes
        made = types.SimpleNamespace()
        if packed and q == k:
            beside = (o, k, i, 3, h, w)
            inputs, grads = memory.normal(beside, self.dtype), memory.poison(beside, self.dtype)
            made.inputs, made.input_grads = ([x.select(3, part) for part in range(3)] for x in (inputs, grads))
        else:
            shapes = [(o, length, i, h, w) for length in (q, k, k)]
            made.inputs = [memory.normal(shape, self.dtype) for shape in shapes]
            made.input_grads = [memory.poison(shape, self.dtype) for shape in shapes]
        made.grad = memory.normal((o, q, i, h, w), self.dtype)
        made.result = memory.poison((o, q, i, h, w), self.dtype)
        made.tables = memory.angles(self.mask.first_query + max(q, k), w) if self.placed else None
        return made
