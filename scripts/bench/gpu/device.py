"""The device that tensors are on, and its clock: the GPU, or the CPU for a rehearsal."""
import statistics
import time

CALLS = 5  # between two events
NAME = "cuda"


def rehearse():
    """Moves everything to the CPU from now on, to show that the suite works."""
    global NAME, CALLS  # pylint: disable=global-statement
    NAME, CALLS = "cpu", 1


def is_rehearsal():
    return NAME == "cpu"


def synchronize():
    import torch
    if not is_rehearsal():
        torch.cuda.synchronize()


def stream():
    import torch
    return None if is_rehearsal() else torch.cuda.current_stream().cuda_stream


def first_call_s(call):
    """Wall time of one call, including what a library prepares for a new shape."""
    synchronize()
    start = time.perf_counter()
    call()
    synchronize()
    return time.perf_counter() - start


def call_s(call):
    """Mean time of a call of CALLS in a row, on the device's own clock."""
    import torch
    if is_rehearsal():
        return first_call_s(call)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(CALLS):
        call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) * 1e-3 / CALLS


def words(reason):
    """The first line of an error, short."""
    return (str(reason).splitlines() or [type(reason).__name__])[0][:140]


def take_turns(calls, rounds, clock):
    """Medians over rounds in which each call comes once, and the wall time of the very first calls.

    Returns two dictionaries by name, and one of errors: a call that fails is left out from there. The first round
    warms up. Ends early when time is short, but never before a second round.
    """
    first, times, errors = {}, {name: [] for name in calls}, {}
    for turn in range(rounds + 2):
        if turn > 2 and clock.is_over():
            break
        for name in list(times):
            try:
                if turn == 0:
                    first[name] = first_call_s(calls[name])
                else:
                    times[name].append(call_s(calls[name]))
            except Exception as reason:  # pylint: disable=broad-except; such as out of memory
                errors[name] = words(reason)
                print(f"  {name}: {errors[name]}", flush=True)
                del times[name], calls[name]
    return {name: statistics.median(values[1:]) for name, values in times.items()}, first, errors
