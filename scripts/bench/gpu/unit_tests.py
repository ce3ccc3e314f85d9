"""Part `tests`: runs the kernels' own tests on CUDA, from the bundle."""
import json
import os
import subprocess
import tempfile

FILTER = "*Cuda*"


def run(bundle, records, clock):
    """A skipped test counts as failed here, because it has shown nothing."""
    program = f"{bundle}/kernels_tests"
    with tempfile.TemporaryDirectory() as folder:
        report = f"{folder}/report.json"
        try:
            done = subprocess.run([program, f"--gtest_filter={FILTER}", f"--gtest_output=json:{report}"], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=clock.left_s())
            code, said = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            code, said = None, (late.stdout or b"").decode(errors="replace")
        tests = list(read(report)) if os.path.exists(report) else []
    for test in tests:
        records.add("tests", **test)
    bad = [test["case"] for test in tests if not test["is_met"]]
    print(f"tests: {len(tests)} ran, {len(bad)} failed or skipped: {', '.join(bad[:12])}", flush=True)
    if code == 0 and tests and not bad:
        return "met"
    records.add("tests", case=f"kernels_tests --gtest_filter={FILTER}", is_met=False, result=f"exit code {code}",
                words="\n".join(said.splitlines()[-30:]))
    print("\n".join(said.splitlines()[-30:]), flush=True)
    return "failed"


def read(report):
    with open(report, encoding="utf-8") as file:
        suites = json.load(file)["testsuites"]
    for suite in suites:
        for test in suite["testsuite"]:
            result = "failed" if test.get("failures") else test["result"].lower()
            yield {"case": f"{suite['name']}.{test['name']}", "result": result, "is_met": result == "completed",
                   "seconds": float(test["time"].rstrip("s"))}
