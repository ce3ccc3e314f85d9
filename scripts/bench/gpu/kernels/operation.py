"""One pass of one fused operation on one shape: our kernel, and the formula that it is compared with."""
from gpu import device


class Operation:
    """start() fills `results`; peer(*inputs) gives the same from the formula, and with `grads` its gradients do.
    `moved` are the bytes that have to move."""

    def __init__(self, name, moved, results, start, peer, inputs, grads=None, *, tolerance=None, has_cpu_bits=False,
                 are_normals=False):
        self.name, self.moved, self.results, self.start = name, moved, results, start
        self.peer, self.inputs, self.grads, self.tolerance = peer, inputs, grads, tolerance
        self.has_cpu_bits, self.are_normals = has_cpu_bits, are_normals

    def run(self):
        if not device.is_rehearsal():
            return self.start()
        for result, by_peer in zip(self.results, self.peer_results()):
            result.copy_(by_peer.reshape(result.shape))

    def peer_results(self, exactly=False):
        results = self.peer_call(cast=(lambda x: x.double()) if exactly else None)()
        return list(results) if isinstance(results, (tuple, list)) else [results]

    def peer_call(self, compiled=False, cast=None):
        """A call of the formula: forward, or backward where there are grads."""
        import torch
        formula = torch.compile(self.peer, dynamic=False) if compiled else self.peer
        inputs = [cast(x) if cast and x.is_floating_point() else x for x in self.inputs]
        if self.grads is None:
            def forward():
                with torch.no_grad():
                    return formula(*inputs)
            return forward
        leaves = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
        outputs = formula(*leaves)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        grads = [g.to(o.dtype) for g, o in zip(self.grads, outputs)]
        wanted = [x for x in leaves if x.requires_grad]
        return lambda: torch.autograd.grad(outputs, wanted, grads, retain_graph=True)
