"""What `ls` and `status` say of runs, whoever or whatever else is in their folders."""
import json
import os
import signal

from trial import case


def listed(t, arguments=""):
    rows = json.loads(t.run(f"ls {arguments} --json").text)
    return {row["run"]: row for row in rows}


@case
def runs_are_listed_with_how_far_and_how_good_they_are(t):
    t.good()
    t.run("train run.yaml --set trainer.steps=5")
    t.run("train run.yaml --run runs/deep/er --set trainer.steps=6 objective.name=flow trainer.log_every_steps=4")
    t.run("eval runs/run")
    t.write("runs/notes.txt", "mine")
    rows = listed(t)
    t.is_(sorted(rows), ["runs/deep/er", "runs/run"], "runs")
    one, other = rows["runs/run"], rows["runs/deep/er"]
    t.is_([one["state"], one["step"], one["steps"]], ["finished", 5, 5], "how far")
    t.is_(other["what"], "space_time_transformer, flow", "what it is")
    t.is_(other["one_step_over_copy_last"], None, "what was not evaluated")
    with open("runs/run/eval/step_00000005/report.json") as file:
        expected = json.load(file)["suites"]["quality"]["one_step"]["mse_over_copy_last"]["value"]
    t.is_(one["one_step_over_copy_last"], expected, "quality")
    with open("runs/run/metrics.jsonl") as file:
        t.is_(one["loss"], json.loads(file.readlines()[-1])["loss"], "loss")
    t.run("ls", says=["RUN", "5/5", "of copy-last", "6/6", "space_time_transformer, regress"])
    t.run("status runs/run", says=["finished", "5/5", "at step 5"], lacks="resume.sh")
    t.run("status runs/deep/er", says="not evaluated; nextframe eval runs/deep/er")


@case
def a_run_that_was_killed_is_not_said_to_run(t):
    t.good()
    process = t.start("train run.yaml --set trainer.steps=100000 checkpoint.every_steps=5")
    t.wait_for(lambda: os.path.exists("runs/run/checkpoints/step_00000005"), what="a checkpoint")
    t.is_(listed(t)["runs/run"]["state"], "running", "state of a run that trains")
    t.run("status runs/run", says=["running", "left"])
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    t.is_(listed(t)["runs/run"]["state"], "killed", "state after kill -9")
    t.run("status runs/run", says=["killed", "go on with", "runs/run/resume.sh"])


@case
def damaged_files_of_a_run_leave_their_columns_empty(t):
    t.good()
    t.run("train run.yaml --set trainer.steps=5")
    with open("runs/run/metrics.jsonl", "a") as file:
        file.write('{"step": 6, "loss": 0.')
    t.write("runs/run/status.json", "{")
    t.write("runs/run/eval/step_00000005/report.json", "[1, 2")
    row = listed(t)["runs/run"]
    t.is_([row["state"], row["step"], row["one_step_over_copy_last"]], ["", 5, None], "what is left")
    t.write("runs/run/status.json", '{"state": 5, "updated": 7, "step": "x"}')
    os.remove("runs/run/metrics.jsonl")
    os.mkfifo("runs/run/metrics.jsonl")
    row = listed(t)["runs/run"]
    t.is_([row["state"], row["step"], row["loss"]], ["", 0, None], "what is left of a pipe and other types")
    t.write("runs/run/resolved.yaml", "model: {name: of_another_program}")
    t.run("ls", says="resolved.yaml cannot be read")


@case
def folders_that_hold_no_run_are_told(t):
    t.run("ls nowhere", exits=2, says="nowhere is no folder")
    t.run("ls .", says="no runs in .")
    t.run("status data", exits=2, says="data is no run's folder: it has no resolved.yaml")
