"""Tensors from PyTorch or, under compute-sanitizer, from the GPU's own allocator: one allocation for each tensor, so
that an access one byte too far is found, and only our kernels run."""
import array
import ctypes
import random

from gpu import device

SIZES = {"bf16": 2, "fp16": 2, "f32": 4, "f64": 8, "i64": 8, "u8": 1}


class TorchMemory:
    has_stream = True

    def __init__(self):
        import torch
        self.dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16, "f32": torch.float32, "f64": torch.float64,
                       "i64": torch.int64, "u8": torch.uint8}

    def normal(self, shape, dtype):
        import torch
        return torch.randn(shape, device=device.NAME).to(self.dtypes[dtype])

    def integers(self, below, shape, dtype):
        import torch
        return torch.randint(below, shape, device=device.NAME, dtype=self.dtypes[dtype])

    def given(self, values, dtype):
        import torch
        return torch.tensor(values, device=device.NAME, dtype=self.dtypes[dtype])

    def empty(self, shape, dtype):
        import torch
        return torch.empty(shape, device=device.NAME, dtype=self.dtypes[dtype])

    def poison(self, shape, dtype):
        return self.empty(shape, dtype).fill_(float("nan"))

    def rolled(self, tensor, places):
        """The tensor rolled by that many positions."""
        return tensor.roll(places, 1).contiguous()

    def last(self, tensor):
        """A copy of the last position."""
        return tensor[:, -1:].contiguous()

    def angles(self, length, width):
        """Cosines and sines of the rotary embedding, [length, width / 2] float32."""
        import torch
        pair = torch.arange(width // 2, dtype=torch.float64)
        turn = torch.arange(length, dtype=torch.float64)[:, None] * 100 ** (-pair / (width // 2))
        return [f(turn).float().to(device.NAME).contiguous() for f in (torch.cos, torch.sin)]


class RawTensor:
    """The parts of a tensor that kernels need: address, shape and strides."""

    def __init__(self, address, shape, strides=None):
        self.address, self.shape, self.strides = address, tuple(shape), strides

    def data_ptr(self):
        return self.address

    def numel(self):
        product = 1
        for size in self.shape:
            product *= size
        return product

    def stride(self):
        if self.strides:
            return self.strides
        strides, step = [], 1
        for size in reversed(self.shape):
            strides.insert(0, step)
            step *= size
        return tuple(strides)


class RawMemory:
    """Freed all at once."""

    has_stream = False

    def __init__(self, library):
        self.library, self.made = library, []

    def take(self, shape, dtype):
        tensor = RawTensor(None, shape)
        tensor.address = self.library.nf_allocate(SIZES[dtype] * tensor.numel())
        if not tensor.address:
            raise MemoryError(f"{shape} {dtype}: the GPU gives no memory")
        self.made.append(tensor.address)
        return tensor

    def fill(self, tensor, data):
        self.library.nf_copy(tensor.address, ctypes.c_char_p(bytes(data)), len(data))
        return tensor

    def normal(self, shape, dtype):
        """Values between 1/2 and 2 of either sign, with random bits below a number's first byte."""
        tensor, size, draw = self.take(shape, dtype), SIZES[dtype], random.Random(len(self.made))
        first = 0x3c if dtype == "fp16" else 0x3f
        data = bytearray(draw.randbytes(size * tensor.numel()))
        data[size - 1::size] = draw.randbytes(tensor.numel()).translate(bytes(first | (x & 1) << 7 for x in range(256)))
        return self.fill(tensor, data)

    def integers(self, below, shape, dtype):
        tensor, draw = self.take(shape, dtype), random.Random(len(self.made))
        if dtype == "u8":
            return self.fill(tensor, draw.randbytes(tensor.numel()))
        return self.fill(tensor, array.array("q", [draw.randrange(below) for _ in range(tensor.numel())]).tobytes())

    def given(self, values, dtype):
        """float32 or int64."""
        kind = {"f32": "f", "i64": "q"}[dtype]
        return self.fill(self.take((len(values),), dtype), array.array(kind, values).tobytes())

    def empty(self, shape, dtype):
        return self.take(shape, dtype)

    poison = empty

    def rolled(self, tensor, places):  # pylint: disable=unused-argument
        return tensor  # the values do not matter here

    def last(self, tensor):
        return RawTensor(tensor.address, (tensor.shape[0], 1, *tensor.shape[2:]), tensor.stride())

    def angles(self, length, width):
        return [self.normal((length, width // 2), "f32") for _ in range(2)]

    def free(self):
        for address in self.made:
            self.library.nf_free(address)
        self.made.clear()
