"""The machine that a run is on: its GPU, its versions."""
import os
import subprocess


def said_by(*command):
    """A command's output, or None if it is missing or fails."""
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def gpu():
    """Name and capability (90 for an H100) of the first GPU; None where there is none."""
    said = said_by("nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader")
    fields = said.splitlines()[0].split(", ") if said else []
    if len(fields) != 3:
        return None
    return {"gpu": fields[0], "capability": int(fields[1].replace(".", "")), "driver": fields[2]}


def architecture(capability):
    """The architecture as nvcc names it, with the suffix for instructions that only this generation has."""
    return f"{capability}{'a' if capability >= 90 else ''}"


def versions(bundle):
    """GPU, driver and versions that the figures depend on."""
    import torch
    has_cudnn = torch.backends.cudnn.is_available()
    found = {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version() if has_cudnn else None,
             "cpu_cores": os.cpu_count()}
    nvcc = said_by("nvcc", "--version")
    if nvcc:
        found["nvcc"] = nvcc.splitlines()[-1]
    if bundle:
        found["nextframe"] = said_by(f"{bundle}/nextframe", "--version")
    return found
