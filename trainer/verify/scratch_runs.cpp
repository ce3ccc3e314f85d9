#include "trainer/verify/scratch_runs.h"

#include <unistd.h>

#include <sstream>

#include "data/durable_file.h"
#include "launch/environment.h"
#include "launch/supervise/child_process.h"
#include "launch/supervise/mpirun_job.h"
#include "launch/supervise/supervisor.h"
#include "trainer/checkpoint/store.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLogTailBytes = 300;

/// The end of a log on one line.
std::string log_tail(const fs::path& log) {
  auto text = fs::exists(log) ? read_text(log) : "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() > kLogTailBytes) text = "… " + text.substr(text.size() - kLogTailBytes);
  for (auto& letter : text) letter = letter == '\n' ? ' ' : letter;
  return text;
}

}  // namespace

ScratchRuns::ScratchRuns(const fs::path& parent, std::string config,
                         std::vector<std::string> overrides, double limit_s)
    : folder_(fs::absolute(parent) / ("nextframe-verify-" + std::to_string(getpid()))),
      config_(std::move(config)),
      overrides_(std::move(overrides)),
      limit_s_(limit_s) {
  make_folder(folder_);
}

ScratchRuns::~ScratchRuns() {
  std::error_code ignored;
  if (!is_kept_) fs::remove_all(folder_, ignored);
}

std::vector<std::string> ScratchRuns::words_of(const ScratchRun& run) const {
  std::vector<std::string> words = {fs::read_symlink("/proc/self/exe").string(), "train", config_,
                                    "--run", (folder_ / run.name).string()};
  auto overrides = overrides_;
  // A schedule that fits any number of steps, and moves the weights from the first one on.
  for (const auto& text :
       {"trainer.steps=" + std::to_string(run.steps),
        "checkpoint.every_steps=" + std::to_string(run.save_every_steps),
        std::string("checkpoint.keep=1000"), std::string("schedule.kind=constant"),
        std::string("schedule.warmup_steps=0"), std::string("schedule.decay_steps=0"),
        std::string("evaluate.every_steps=0"), std::string("trainer.log_every_steps=1")})
    overrides.push_back(text);
  overrides.insert(overrides.end(), run.overrides.begin(), run.overrides.end());
  for (const auto& text : overrides) words.insert(words.end(), {"--set", text});
  return words;
}

std::string ScratchRuns::train(const ScratchRun& run) {
  const auto environment = read_launcher_environment();
  MpirunOptions mpirun;
  mpirun.is_slurm_job = environment.is_slurm_job;
  mpirun.oversubscribe = environment.is_slurm_job;
  ChildProcess child{
      words_of(run), {{"OMP_NUM_THREADS", "1"}}, folder_ / (run.name + ".log"), limit_s_};
  if (run.ranks > 1 || environment.slurm_tasks > 1) {
    const Placement here{.num_ranks = run.ranks};
    require_session_folder();
    child.words = mpirun_words(mpirun, here, child.words);
    child.variables = mpirun_variables(mpirun, here);
  }
  const auto result =
      run_child(child, [this] { return signals_.requested() != StopRequest::none; });
  if (result.is_interrupted) throw ExitError(ExitCode::interrupted, "verify was interrupted");
  if (result.timed_out) {
    return "did not end within " + std::to_string(static_cast<int64_t>(limit_s_)) +
           " s (--limit-s): " + log_tail(child.log);
  }
  return result.code == 0 ? "" : describe_exit(result.code) + ": " + log_tail(child.log);
}

fs::path ScratchRuns::checkpoint(const std::string& name, int64_t step) const {
  return folder_ / name / "checkpoints" / checkpoint_name(step);
}

void ScratchRuns::copy_until(const std::string& name, int64_t step, const std::string& copy) {
  fs::copy(folder_ / name, folder_ / copy, fs::copy_options::recursive);
  for (const auto& saved : list_checkpoints(folder_ / copy / "checkpoints")) {
    if (checkpoint_step(saved) > step) fs::remove_all(saved);
  }
}

}  // namespace nextframe
