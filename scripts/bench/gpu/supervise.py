"""Runs the pieces one after another, each with a time limit, and writes their results."""
import os
import signal
import subprocess
import sys
import time
import traceback

from gpu import budget, records as all_records, tables

GRACE_S = 10
OUTCOMES = {0: "met", 1: "failed", 3: "incomplete"}


def is_of(piece):
    def answer(record):
        if record["part"] in ("piece", "error"):
            return record["piece"] == label(piece)
        return record["part"] == piece.part and record.get("group", record.get("kernel", "")) == piece.name
    return answer


def label(piece):
    return f"{piece.part} {piece.name}".strip()


def end_session(process):
    """Ends all that the piece has started; its process is the first of a session of its own."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(name)) == process.pid:
                os.kill(int(name), signal.SIGKILL)
        except ProcessLookupError:
            pass


def code_of(do, options):
    """The exit code of a piece's own process; an error that nobody expected is kept with the records."""
    codes = {outcome: code for code, outcome in OUTCOMES.items()}
    try:
        return codes[do(options)]
    except Exception as reason:  # pylint: disable=broad-except
        traceback.print_exc()
        words = f"{type(reason).__name__}: {reason}"
        all_records.Records(options.out).add("error", piece=options.words[1], words=words)
        return codes["failed"]


def run_piece(piece, limit_s, words):
    command = [sys.executable, sys.argv[0], "alone", label(piece), "--seconds", f"{limit_s:.1f}", *words]
    began = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True)  # pylint: disable=consider-using-with
    try:
        code = process.wait(limit_s + GRACE_S)
        outcome = OUTCOMES.get(code, f"crashed with {code}")
    except subprocess.TimeoutExpired:
        outcome = "killed at its limit"
    finally:
        end_session(process)
        process.wait()
    return outcome, time.monotonic() - began


def run(pieces, out, minutes, machine, words):
    """Returns the exit code: 0 when every piece has met what it should and had time enough."""
    records = all_records.Records(out)
    records.forget(lambda record: record["part"] == "machine" or any(is_of(piece)(record) for piece in pieces))
    records.add("machine", **machine)
    shares, outcomes = budget.Budget(60 * minutes, [piece.weight for piece in pieces]), []
    for piece in pieces:
        limit_s = shares.next_s()
        if limit_s < budget.LEAST_S:
            outcome, seconds = "no time left", 0.0
        else:
            print(f"== {label(piece)}, {limit_s:.0f} s at most", flush=True)
            outcome, seconds = run_piece(piece, limit_s, words)
        records.add("piece", piece=label(piece), outcome=outcome, seconds=seconds, limit_s=limit_s)
        print(f"== {label(piece)}: {outcome}, {seconds:.0f} s", flush=True)
        outcomes.append(outcome)
        tables.write(records)
    print(tables.write(records), flush=True)
    return 0 if all(outcome == "met" for outcome in outcomes) else 1
