"""Shared by the comparisons with PyTorch: processes of peers, the machine's state, ratios within rounds."""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

from pytorch.environment import make_environment, peer_environment, read_text


class Peer:
    """One variant of PyTorch: processes that wait for commands, one for each of `commands`."""

    def __init__(self, name, commands, scratch, threads=1):
        self.name = name
        self.log_path = f"{scratch}/{name.replace(' ', '-')}.log"
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                               text=True, env=peer_environment(threads)) for command in commands]

    def ask(self, question):
        """Returns every process's answer."""
        try:
            for process in self.processes:
                process.stdin.write(question + "\n")
                process.stdin.flush()
            return [json.loads(process.stdout.readline()) for process in self.processes]
        except (BrokenPipeError, json.JSONDecodeError):
            sys.exit(f"{self.name} ended early:\n{read_text(self.log_path)}")

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


def machine_state(peer):
    lines = read_text("/proc/cpuinfo").splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    products = peer.ask("products")[0]
    return {"cpu": cpu, "cores": os.cpu_count(), "load": os.getloadavg()[0], "gflops": products}


def show_state(when, state):
    print(f"{when}: {state['cpu']}, {state['cores']} cores, load {state['load']:.1f}; products of 1024 x 1024 on one "
          f"core: bf16 {state['gflops']['bf16']:.0f} GFLOP/s, fp32 {state['gflops']['fp32']:.0f}", flush=True)


def ratios_of(rounds, name, base):
    """Ratios of `name`'s seconds to those of `base`, each within a round."""
    ratios = [seconds[name] / seconds[base] for seconds in rounds]
    return {"ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def median_of(rounds, name):
    return statistics.median(seconds[name] for seconds in rounds)


def argument_parser(description):
    """With the arguments that all comparisons have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="only variants whose name has this in it, as 'compile bf16'")
    parser.add_argument("--program", help="the build to measure; default: bin/nextframe")
    parser.add_argument("--json", help="a file that gets all figures")
    return parser


def parse(parser):
    """Paths become absolute, and the repository the current folder."""
    options = parser.parse_args()
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
    options.program = os.path.abspath(options.program or f"{root}/bin/nextframe")
    options.json = options.json and os.path.abspath(options.json)
    os.chdir(root)
    return options


def pin_to_cores(count):
    """Pins this process, and all that it starts from here on, to the last `count` cores."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[-count:]))


def hold(measure):
    """Calls measure(scratch folder, peers), where it lists the peers that it starts, and ends them whatever happens."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    make_environment()
    peers = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return measure(scratch, peers)
        finally:
            for peer in peers:
                peer.end()
