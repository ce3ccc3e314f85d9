"""PyTorch for Python out of the wheel that the build takes LibTorch from: `from torch_here import torch`.

The slim wheel (scripts/setup) comes without most of CUDA's libraries, which `import torch` loads and a CPU never calls.
So libraries of the same names stand in for those that are missing: they are loaded first and have only the symbols that
PyTorch asks for, each an empty function.
"""
import ctypes
import glob
import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGES = next(iter(glob.glob(f"{SOURCE}/.deps/venv/lib/python3*/site-packages")), "")
USERS = [f"{PACKAGES}/torch/lib/{name}" for name in ("libtorch_python.so", "libtorch_cuda.so", "libtorch_nvshmem.so")]


def said(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def is_there(library):
    if glob.glob(f"{PACKAGES}/nvidia/*/lib/{library}") or glob.glob(f"{PACKAGES}/torch/lib/{library}"):
        return True
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def stand_in(folder, library, dynamic, undefined):
    """Compiles and loads an empty library of this name, with the versions and functions that others want of it."""
    versions = re.findall(rf"File: {re.escape(library)} .*\n.*Name: (\S+)", dynamic)[:1]
    stem = re.match(r"lib([a-zA-Z]+)", library)[1]  # of functions without a version: ncclSend, cuFileRead
    wanted = rf"(\w+)@{re.escape(versions[0])}$" if versions else rf" ((?i:{stem})\w+)$"
    functions = set(re.findall(wanted, undefined, re.MULTILINE))
    path = f"{folder}/{library}"
    script = []
    if versions:
        script = [f"-Wl,--version-script={path}.map"]
        with open(f"{path}.map", "w") as file:
            file.write(f"{versions[0]} {{ global: *; }};\n")
    code = "".join(f"void {name}(void) {{}}\n" for name in sorted(functions))
    said("gcc", "-w", "-shared", "-o", path, f"-Wl,-soname,{library}", *script, "-x", "c", "-", input=code)
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)


def load_stand_ins():
    dynamic = said("readelf", "-dVW", *USERS)
    undefined = said("nm", "-D", "--undefined-only", *USERS)
    needed = sorted(set(re.findall(r"\(NEEDED\).*\[(lib(?:cu|nccl|nvshmem).*)\]", dynamic)))
    with tempfile.TemporaryDirectory() as folder:
        for library in needed:
            if not is_there(library):
                stand_in(folder, library, dynamic, undefined)


sys.path.append(PACKAGES)
load_stand_ins()
# With CUDA's libraries missing, PyTorch would search for them by itself.
import torch  # noqa: E402, F401

torch.set_num_threads(1)
