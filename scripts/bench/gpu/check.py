"""Part `check`: every kernel against float64, beside PyTorch in the same 16 bits, and whether its bits repeat."""
import copy
import dataclasses

from gpu import device, kernels, library as libraries, memory as memories, reference

TIMES_PEER = 2  # largest allowed error, in terms of that of PyTorch's own attention in the same format


def run(name, library, records, clock):
    """Checks one kernel; returns the outcome's name."""
    import torch
    torch.manual_seed(1)
    if name != "operations" and not kernels.is_in(library, kernels.attention(name)):
        print(f"check {name}: the library was compiled without it", flush=True)
        return "incomplete"
    rows = operations(library) if name == "operations" else attention(kernels.attention(name), library)
    if name == "cudnn":
        records.add("device", kernel=name, properties=kernels.attention(name).properties(library))
    done, failed = 0, 0
    for row in rows:
        records.add("check", kernel=name, **row)
        done, failed = done + 1, failed + (not row["is_met"])
        if not row["is_met"]:
            print(f"  FAILED {name}: {row}", flush=True)
        if clock.is_over():
            print(f"check {name}: {done} cases, {failed} failed, then the time was over", flush=True)
            return "failed" if failed else "incomplete"
    print(f"check {name}: {done} cases, {failed} failed", flush=True)
    return "failed" if failed else "met"


def attention(kernel, library):
    for problem in kernel.checked():
        if device.is_rehearsal() and problem.keys > 70:
            continue
        yield check_attention(kernel, library, problem)


def ours(kernel, library, problem, tensors):
    """The result and, if there is a backward, the gradients; all are filled with poison before."""
    memory = memories.TorchMemory()
    call = kernel.prepare(library, problem, tensors, memory, device.stream())
    call.forward()
    has_backward = hasattr(call, "backward")
    if has_backward:
        call.backward()
    libraries.finish(library)
    return [tensors.result.clone(), *(grad.clone() for grad in tensors.input_grads if has_backward)]


def fresh(problem, tensors, cut=lambda x: x):
    """The same inputs, or a part of them, with poisoned results."""
    memory, other = memories.TorchMemory(), copy.copy(tensors)
    other.inputs, other.grad = [cut(x) for x in tensors.inputs], cut(tensors.grad).contiguous()
    other.input_grads = [memory.poison(x.shape, problem.dtype) for x in other.inputs]
    other.result = memory.poison(other.grad.shape, problem.dtype)
    return other


def check_attention(kernel, library, problem):
    import torch
    tensors = problem.tensors(memories.TorchMemory())
    got = ours(kernel, library, problem, tensors)
    is_ours = getattr(kernel, "promises_bits_alone", True)  # else bits may be another's in another layout, too
    again = ours(kernel, library, problem, fresh(problem, tensors) if is_ours else tensors)
    exact, peer = (reference.by_torch(problem, tensors, is_exact) for is_exact in (True, False))
    errors, peer_errors = (reference.errors(x, exact) for x in (got, peer))
    same_twice = all(torch.equal(a, b) for a, b in zip(got, again))
    same_alone = device.is_rehearsal() or not is_ours or \
        has_bits_alone(kernel, library, problem, tensors, got)  # PyTorch promises no such bits
    is_exact_enough = all(a <= TIMES_PEER * b + 1e-6 for a, b in zip(errors, peer_errors))
    return {"case": problem.name(), "errors": errors, "peer_errors": peer_errors, "same_bits_twice": same_twice,
            "same_bits_alone": same_alone, "is_met": is_exact_enough and same_twice and same_alone}


def has_bits_alone(kernel, library, problem, tensors, got):
    """Whether a sequence gives the same bits alone as among others."""
    import torch
    alone = dataclasses.replace(problem, outer=1, inner=1)
    part = ours(kernel, library, alone, fresh(alone, tensors, lambda x: x[1:, :, -1:].contiguous()))
    return all(torch.equal(a[1:, :, -1:], b) for a, b in zip(got, part))


# Operations

def operations(library):
    size = 0.0003 if device.is_rehearsal() else 0.003
    memory = memories.TorchMemory()
    for group in kernels.OPERATIONS:
        for operation in group(library, memory, size):
            yield check_operation(operation, library)


def check_operation(operation, library):
    operation.run()
    libraries.finish(library)
    got = [x.clone() for x in operation.results]
    if operation.are_normals:
        moments = [got[0].double().pow(power).mean().item() for power in (1, 2, 4)]
        met = abs(moments[0]) < 0.02 and abs(moments[1] - 1) < 0.03 and abs(moments[2] - 3) < 0.2
        return {"case": operation.name, "moments": moments, "errors": [], "is_met": met}
    peer, exact = operation.peer_results(), operation.peer_results(exactly=True)
    errors, peer_errors = ([reference.error(a, b) for a, b in zip(x, exact)] for x in (got, peer))
    if operation.has_cpu_bits:
        on_cpu = operation.peer(*[x.cpu() for x in operation.inputs])
        met = all((a.cpu() == b).all().item() for a, b in zip(got, on_cpu))
    elif operation.tolerance:
        met = all(a < operation.tolerance for a in errors)
    else:
        met = all(a <= TIMES_PEER * b + 3e-7 for a, b in zip(errors, peer_errors))
    return {"case": operation.name, "errors": errors, "peer_errors": peer_errors, "is_met": met}
