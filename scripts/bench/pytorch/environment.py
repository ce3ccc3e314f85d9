"""The peers' environment, .deps/peers: PyTorch 2.11 from scripts/setup's LibTorch, and the packages that it needs."""
import glob
import os
import subprocess
import sys

PINS = ["numpy==2.2.6", "h5py==3.14.0", "hdf5plugin==5.1.0", "pyyaml==6.0.2", "setuptools==80.9.0",
        # what torch 2.11.0 needs
        "typing_extensions==4.15.0", "sympy==1.14.0", "mpmath==1.3.0", "networkx==3.5", "jinja2==3.1.6",
        "MarkupSafe==3.0.2", "fsspec==2025.9.0", "filelock==3.19.1"]
PEERS = ".deps/peers"
STAND_INS = f"{PEERS}/stand_ins"


def make_environment():
    """The torch package that scripts/setup installed, in an environment with the Python packages that it needs."""
    torch = glob.glob(".deps/venv/lib/python3*/site-packages/torch")
    if not torch:
        sys.exit("no LibTorch under .deps/; run scripts/setup")
    stamp = f"{os.path.abspath(torch[0])} {' '.join(PINS)}\n"
    if read_text(f"{PEERS}/stamp") == stamp:
        return
    print(f"making {PEERS}", flush=True)
    command(".deps/venv/bin/python", "-m", "venv", "--clear", PEERS)
    command(f"{PEERS}/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *PINS)
    site = glob.glob(f"{PEERS}/lib/python3*/site-packages")[0]
    with open(f"{site}/torch_of_setup.pth", "w", encoding="utf-8") as file:
        file.write(os.path.dirname(os.path.abspath(torch[0])) + "\n")
        # Functions of the missing CUDA libraries are resolved when they are called, which never happens.
        file.write("import os, sys; sys.setdlopenflags(os.RTLD_LAZY)\n")
    make_stand_ins(f"{torch[0]}/lib/libtorch_python.so")
    with open(f"{PEERS}/stamp", "w", encoding="utf-8") as file:
        file.write(stamp)


def make_stand_ins(library):
    """Empty libraries in place of the CUDA libraries that the torch package names but the slim set leaves out."""
    os.makedirs(STAND_INS, exist_ok=True)
    needed = command("ldd", library).splitlines()
    for name in sorted({line.split()[0] for line in needed if "not found" in line}):
        command("g++", "-shared", "-x", "c", "/dev/null", f"-Wl,-soname,{name}", "-o", f"{STAND_INS}/{name}")


def peer_environment(threads=1):
    here = os.path.abspath(PEERS)
    libraries = [os.path.abspath(STAND_INS), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
            "LD_LIBRARY_PATH": ":".join(libraries), "PYTHONPATH": "scripts/bench",
            "TORCHINDUCTOR_CACHE_DIR": f"{here}/inductor", "TORCHINDUCTOR_COMPILE_THREADS": "1",
            # malloc keeps memory between steps instead of returning it to the kernel: 10 to 15 % faster here.
            "MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "100000000000"}


def peer_command(module, *words):
    return [f"{PEERS}/bin/python", "-m", f"pytorch.{module}", *map(str, words)]


def read_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def command(*words, env=None):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout
