// nextframe eval RUN_OR_CHECKPOINT: how good the model is on held-out episodes.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "data/durable_file.h"
#include "data/error.h"
#include "trainer/checkpoint/store.h"
#include "trainer/commands/command.h"
#include "trainer/commands/held_out.h"
#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/report.h"

namespace nextframe {
namespace {

struct EvalOptions {
  std::shared_ptr<HeldOutArguments> held_out;
  std::vector<std::string> suites;
  std::string out;
  bool json = false;
};

/// The training data of the run, if it is still there: only the mean frame needs it.
std::optional<Dataset> open_training_data(const Config& config) {
  try {
    return Dataset(config.data.train, config.data.clip_frames, config.data.stride_frames);
  } catch (const DataError& error) {
    std::fprintf(stderr, "the mean frame is taken of the evaluated data: %s\n", error.what());
    return std::nullopt;
  }
}

void tell_what_was_trained_on(const Dataset& train, const HeldOut& held_out) {
  const auto line =
      describe_shards_in_common(train.identities(), held_out.data.identities(), held_out.glob);
  if (!line.empty()) std::fprintf(stderr, "%s\n", line.c_str());
}

std::vector<Dream> shown_dreams(const HeldOut& held_out) {
  const auto& config = held_out.run.config.evaluate;
  const auto source = all_episodes(held_out.data);
  const auto episodes = sample_episodes(source, config.context_frames);
  return dream(*held_out.run.model, source, episodes, config.context_frames, config.horizon_frames,
               rollout_options(config));
}

/// --out, else eval/step_... in the run's folder, or here for a checkpoint that stands alone.
std::string report_folder(const EvalOptions& options, const LoadedRun& run) {
  if (!options.out.empty()) return options.out;
  return (std::filesystem::path(run.run_folder) / "eval" / checkpoint_name(run.step)).string();
}

/// Before the work is done: a run's folder may be somebody else's, or read-only.
void require_report_folder(const EvalOptions& options, const std::string& folder) {
  try {
    make_folder(folder);
  } catch (const FileError& error) {
    const std::string remedy = "; write the reports elsewhere with --out DIR";
    throw FileError(error.what() + (options.out.empty() ? remedy : ""));
  }
}

int eval(const EvalOptions& options) {
  const auto held_out = open_held_out(*options.held_out);
  const auto& run = held_out.run;
  const auto folder = report_folder(options, run);
  require_report_folder(options, folder);
  const auto train = open_training_data(run.config);
  if (train) tell_what_was_trained_on(*train, held_out);
  auto report = evaluate(*run.model, held_out.data, train ? &*train : nullptr, run.config.evaluate,
                         options.suites, terminal_progress());
  report.provenance = {run.run_folder, run.checkpoint_folder, run.step,
                       run.digest,     run.has_ema,           held_out.glob};
  write_report(folder, report, shown_dreams(held_out));
  if (options.json) std::fputs(to_json(report).c_str(), stdout);
  std::fprintf(options.json ? stderr : stdout, "%s  reports in %s: report.html, .md, .json\n",
               to_summary(report).c_str(), folder.c_str());
  return 0;
}

CommandBody set_up_eval(CLI::App& app) {
  app.group(kModelCommands);
  const auto options = std::make_shared<EvalOptions>();
  options->held_out = add_held_out_arguments(app);
  std::string known;
  for (const auto& name : known_suites()) known += (known.empty() ? "" : ", ") + name;
  app.add_option("--suite", options->suites, "suites to run, of: " + known + "; default: all")
      ->allow_extra_args(false)
      ->delimiter(',');
  app.add_option("--out", options->out,
                 "folder of the reports; default: eval/step_... in the run's folder");
  app.add_flag("--json", options->json, "print report.json on standard output");
  return [options] { return eval(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(eval, "eval",
                    "measure a model on held-out episodes; write report.html, .md and .json",
                    set_up_eval)

}  // namespace nextframe
