"""Part `bench`: times our kernels, taking turns with PyTorch's, a copy in device memory and a large product."""
import dataclasses
import gc

from gpu import cases, device, kernels, memory as memories, peers
from gpu.mask import CAUSAL

COPY_BYTES = 2 << 30
PRODUCT_SIDE = 8192


def run(group, library, records, clock, rounds, capability):
    """Benches one group; returns the outcome's name."""
    rows = operations(library, rounds, clock) if group == "operations" else \
        attention(group, library, rounds, clock, capability)
    for row in rows:
        if row is None:
            print(f"bench {group}: the time is over", flush=True)
            return "incomplete"
        records.add("bench", group=group, **row)
        times = ", ".join(f"{name} {seconds * 1e3:.3f}" for name, seconds in row["seconds"].items())
        print(f"bench {group}: {row['case']} {row['pass']}: {times} ms", flush=True)
    return "met"


def ceilings():
    import torch
    size, side = (1 << 20, 256) if device.is_rehearsal() else (COPY_BYTES, PRODUCT_SIDE)
    a, b = (torch.empty(size // 2, device=device.NAME, dtype=torch.uint8).random_() for _ in range(2))
    x, y = (torch.randn(side, side, device=device.NAME, dtype=torch.bfloat16) for _ in range(2))
    rates = {"copy": lambda seconds: size / seconds, "product": lambda seconds: 2 * side ** 3 / seconds}
    return {"copy": lambda: b.copy_(a), "product": lambda: x @ y}, rates


def row_of(case, which, names, measured, rates, **numbers):
    """One line of a table; `names` maps the names in the table to the names as measured."""
    times, first, errors = measured
    return {"case": case, "pass": which, **numbers,
            "seconds": {name: times[key] for name, key in names.items() if key in times},
            "first_s": {name: first[key] for name, key in names.items() if key in first},
            "errors": {name: errors[key] for name, key in names.items() if key in errors},
            "copy_bytes_s": rates["copy"](times["copy"]), "product_flops_s": rates["product"](times["product"])}


# Attention

def attention(group, library, rounds, clock, capability):
    """Yields rows, and None if time runs out before all cases are done."""
    import torch
    for case in cases.attention(group):
        if clock.is_over():
            yield None
            return
        calls, rates = ceilings()
        absent = {}
        ours = [*our_calls(library, case, capability)]
        if group == "frames":
            ours += causal_calls(library, case, capability)
        for name, which, call in [*ours, *peers.calls(case.problem, case.passes)]:
            (absent if isinstance(call, str) else calls)[f"{which} {name}"] = call
        for name, reason in absent.items():
            print(f"  {name}: {reason}", flush=True)
        times, first, errors = device.take_turns(calls, rounds, clock)
        for which in case.passes:
            names = {key.split(" ", 1)[1]: key for key in [*first, *absent] if key.startswith(which)}
            yield row_of(case.problem.name(), which, names, (times, first, {**absent, **errors}), rates,
                         bytes=case.problem.moved(which), operations=case.problem.operations(which),
                         aim=case.aims.get(which))
        del calls
        gc.collect()
        if not device.is_rehearsal():
            torch.cuda.empty_cache()


def our_calls(library, case, capability):
    """Yields name, pass and call of every kernel that supports the case, also with norm and RoPE inside."""
    memory = memories.TorchMemory()
    for kernel in kernels.ATTENTION:
        if capability not in kernel.capabilities or not kernels.is_in(library, kernel):
            continue
        for placed in (False, True):
            problem = dataclasses.replace(case.problem, placed=placed)
            if not kernel.answers(problem):
                continue
            call = kernel.prepare(library, problem, problem.tensors(memory), memory, device.stream())
            for which in filter(lambda which: hasattr(call, which), case.passes):
                yield f"ours {kernel.name}{', placed' if placed else ''}", which, getattr(call, which)


def causal_calls(library, case, capability):
    """Our kernels on the same shape with a plain causal mask, to see what frame masks cost."""
    plain = dataclasses.replace(case, problem=dataclasses.replace(case.problem, mask=CAUSAL))
    for name, which, call in our_calls(library, plain, capability):
        if not name.endswith("placed"):
            yield f"{name}, plain causal", which, call


def profile(group, which, name, library, capability):
    """Calls ours a few times in a case of this group and name, for ncu; returns the names of what was called."""
    case = next((case for case in cases.attention(group) if case.problem.name() == name and which in case.passes), None)
    if case is None:
        known = [f"{case.problem.name()}" for case in cases.attention(group) if which in case.passes]
        raise ValueError(f"there is no '{name}' with a {which} in {group}; there are {', '.join(known)}")
    called = []
    for kernel, of, call in our_calls(library, case, capability):
        if of == which:
            called.append(kernel)
            for _ in range(3):
                call()
    device.synchronize()
    return called


# Operations

def operations(library, rounds, clock):
    import torch._functorch.config
    torch._functorch.config.donated_buffer = False  # backward runs many times
    for group in kernels.OPERATIONS:
        for operation in group(library, memories.TorchMemory(), 0.0003 if device.is_rehearsal() else 1):
            if clock.is_over():
                yield None
                return
            calls, rates = ceilings()
            absent = {}
            calls.update({"ours": operation.run, "eager": operation.peer_call()})
            if not operation.are_normals and not device.is_rehearsal():
                try:
                    calls["compiled"] = operation.peer_call(compiled=True)
                    calls["compiled"]()
                except Exception as reason:  # pylint: disable=broad-except; a compiler may raise anything
                    absent["compiled"] = device.words(reason)
                    calls.pop("compiled", None)
            times, first, errors = device.take_turns(calls, rounds, clock)
            names = {name: name for name in ("ours", "eager", "compiled")}
            yield row_of(operation.name, "forward" if operation.grads is None else "backward", names,
                         (times, first, {**absent, **errors}), rates, bytes=operation.moved, operations=None, aim=None)
        gc.collect()
        if not device.is_rehearsal():
            torch.cuda.empty_cache()
