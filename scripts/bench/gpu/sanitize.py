"""Part `sanitize`: makes tiny calls of every kernel under compute-sanitizer, without PyTorch."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from gpu import kernels, library as libraries, memory as memories

TOOLS = ("memcheck", "racecheck", "synccheck")
OPERATIONS_SIZE = 1e-4


def tiny_calls(name, library):
    """What compute-sanitizer watches; returns how many calls there were."""
    memory, count = memories.RawMemory(library), 0
    if name == "operations":
        for group in kernels.OPERATIONS:
            for operation in group(library, memory, OPERATIONS_SIZE):
                operation.start()
                libraries.finish(library)
                count += 1
            memory.free()
        return count
    kernel = kernels.attention(name)
    for problem in kernel.tiny():
        call = kernel.prepare(library, problem, problem.tensors(memory, packed=False), memory)
        for run_pass in filter(None, (call.forward, getattr(call, "backward", None))):
            run_pass()
            libraries.finish(library)
            count += 1
        memory.free()
    return count


def find_tool():
    found = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    return found if os.path.exists(found) else None


def run(name, library_path, records, clock):
    """Returns the outcome's name: each tool's exit code and last words are recorded."""
    tool_path = find_tool()
    if tool_path is None:
        records.add("sanitize", kernel=name, tool="compute-sanitizer", is_met=False, words="is not on this machine")
        print("sanitize: compute-sanitizer is neither on PATH nor in /usr/local/cuda/bin", flush=True)
        return "failed"
    outcomes = [run_tool(tool_path, tool, name, library_path, records, clock.left_s() / (len(TOOLS) - done))
                for done, tool in enumerate(TOOLS)]
    return "met" if all(outcomes) else "failed"


def run_bounded(command, limit_s):
    """Exit code, None for one that had to be ended, and output. The tool starts what it watches: both end."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, preexec_fn=os.setpgrp)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
        output.seek(0)
        said = output.read()
    return code, said if code is not None else f"was ended after {limit_s:.0f} s\n{said}"


def run_tool(tool_path, tool, name, library_path, records, limit_s):
    command = [tool_path, "--tool", tool, "--error-exitcode", "9", sys.executable, sys.argv[0], "tiny-calls", name,
               "--library", library_path]
    code, said = run_bounded(command, max(1.0, limit_s))
    is_met = code == 0 and "calls" in said
    words = said.strip().splitlines()[-1:] if is_met else said.strip().splitlines()[:12]
    records.add("sanitize", kernel=name, tool=tool, code=code, is_met=is_met, words="\n".join(words))
    print(f"sanitize {name}: {tool}: {'clean' if is_met else 'FAILED'}: " + "\n  ".join(words), flush=True)
    return is_met
