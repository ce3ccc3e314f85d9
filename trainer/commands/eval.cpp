// nextframe eval RUN_OR_CHECKPOINT: how good the model is on held-out episodes.
#include <c10/util/StringUtil.h>

#include <algorithm>
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
#include "trainer/evaluate/held_out_data.h"
#include "trainer/evaluate/report.h"
#include "trainer/evaluate/stored_predictions.h"
#include "trainer/exit_code.h"
#include "trainer/stages.h"

namespace nextframe {
namespace {

struct EvalOptions {
  std::shared_ptr<HeldOutArguments> held_out;
  std::vector<std::string> suites;
  std::string out, predictions, features;
  bool json = false;
};

/// The training data of the run, if it is still there: only the mean frame needs it.
std::optional<Dataset> open_training_data(const Config& config) {
  try {
    return Dataset(config.data.train, config.data.clip_frames, config.data.stride_frames,
                   kOwnActionWidth, config.data.train_as());
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

/// --out, else eval/step_... in the run's folder, or here for a checkpoint that stands alone. What
/// is not the whole evaluation on the run's own held-out data has a folder of its own beside it:
/// the best checkpoints are told by those of step_....
std::string report_folder(const EvalOptions& options, const LoadedRun& run) {
  if (!options.out.empty()) return options.out;
  std::string name = checkpoint_name(run.step);
  for (const auto& suite : options.suites) name += "-" + suite;
  const auto& held_out = *options.held_out;
  if (!held_out.data.empty() && held_out.data != run.config.data.validation) name += "-other-data";
  if (held_out.denoise_steps) name += c10::str("-steps-", *held_out.denoise_steps);
  if (held_out.guidance) name += c10::str("-guidance-", *held_out.guidance);
  if (!options.features.empty()) name += "-features";
  return (std::filesystem::path(run.run_folder) / "eval" / name).string();
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

void print(const EvaluationReport& report, const EvalOptions& options, const std::string& folder) {
  if (options.json) std::fputs(to_json(report).c_str(), stdout);
  std::fprintf(options.json ? stderr : stdout, "%s  reports in %s: report.html, .md, .json\n",
               to_summary(report).c_str(), folder.c_str());
}

/// Those held-out episodes that there are predictions of.
EpisodeSource predicted_episodes(const Dataset& data, const StoredPredictions& stored,
                                 const std::string& file) {
  const auto shape = data.shape();
  const auto sizes = stored.frame_shape();
  if (sizes != std::vector<int64_t>{shape.height_px, shape.width_px, shape.channels}) {
    throw DataError(c10::str(file, ": frames are of [", c10::Join(", ", sizes), "]; the data's ",
                             describe_shape(shape)));
  }
  auto source = all_episodes(data);
  std::vector<SourceEpisode> chosen;
  for (const int64_t number : stored.episodes()) {
    const auto found = std::find_if(source.episodes.begin(), source.episodes.end(),
                                    [&](const auto& episode) { return episode.number == number; });
    if (found == source.episodes.end()) {
      throw DataError(c10::str(file, ": there is no episode ", number, "; the data has 0 .. ",
                               source.dataset_episodes - 1));
    }
    if (found->num_frames < stored.context_frames() + stored.num_frames()) {
      throw DataError(c10::str(file, ": episode ", number, " has ", found->num_frames,
                               " frames; predictions go to frame ",
                               stored.context_frames() + stored.num_frames() - 1));
    }
    chosen.push_back(*found);
  }
  source.episodes = std::move(chosen);
  return source;
}

std::vector<Dream> shown_predictions(const StoredPredictions& stored, const EpisodeSource& source) {
  std::vector<Dream> dreams;
  for (const auto& episode : source.episodes) {
    if (static_cast<int64_t>(dreams.size()) == kSampleEpisodes) break;
    const auto truth =
        source.read(episode.number, 0, stored.context_frames() + stored.num_frames());
    dreams.push_back({episode.number, stored.context_frames(), 0, truth.frames_THWC,
                      stored.frames_of(episode.number)});
  }
  return dreams;
}

/// What stored dreams are enough for; by default their quality.
std::vector<std::string> suites_of_predictions(const EvalOptions& options) {
  for (const auto& suite : options.suites) {
    if (suite == "quality" || suite == "distribution") continue;
    throw UsageError("eval: stored predictions have the suites quality and distribution; " + suite +
                     " asks a model for more");
  }
  return options.suites.empty() ? std::vector<std::string>{"quality"} : options.suites;
}

/// `run` may be null: stored predictions are of no config.
EvaluationAids aids_of(const EvalOptions& options, const LoadedRun* run) {
  EvaluationAids aids;
  if (!options.features.empty()) {
    const bool are_all = options.suites.empty() && run != nullptr;
    if (!are_all && std::ranges::count(options.suites, "distribution") == 0)
      throw UsageError("eval: --features is for the suite distribution; add --suite distribution");
    aids.clip_features = scripted_features(options.features);
  }
  if (run == nullptr) return aids;
  aids.make_untrained = [run] {
    auto config = run->config;
    ++config.trainer.seed;
    auto model = make_model_with_stages(config, run->shape, run->run_folder);
    model->to(device_of(*run->model));
    return model;
  };
  return aids;
}

/// Scores what another program has predicted.
int eval_predictions(const EvalOptions& options) {
  const auto& arguments = *options.held_out;
  if (!arguments.run_or_checkpoint.empty())
    throw UsageError("eval: give a run or --predictions, not both");
  if (arguments.data.empty()) throw UsageError("eval: --predictions needs --data GLOB");
  if (options.out.empty()) throw UsageError("eval: --predictions needs --out DIR");
  const auto suites = suites_of_predictions(options);
  const auto aids = aids_of(options, nullptr);
  StoredPredictions stored(options.predictions);
  const Dataset data(arguments.data, 2, 1);
  const auto source = predicted_episodes(data, stored, options.predictions);
  require_report_folder(options, options.out);
  EvaluateConfig config;
  config.context_frames = stored.context_frames();
  config.horizon_frames = stored.num_frames();
  auto report = evaluate(stored, source, nullptr, config, suites, terminal_progress(), aids);
  report.provenance.data = arguments.data;
  report.provenance.predictions = options.predictions;
  write_report(options.out, report, shown_predictions(stored, source));
  print(report, options, options.out);
  return 0;
}

int eval(const EvalOptions& options) {
  if (!options.predictions.empty()) return eval_predictions(options);
  if (options.held_out->run_or_checkpoint.empty())
    throw UsageError("eval: RUN_OR_CHECKPOINT is missing; or --predictions FILE");
  const auto held_out = open_held_out(*options.held_out);
  const auto& run = held_out.run;
  const auto aids = aids_of(options, &run);
  const auto folder = report_folder(options, run);
  require_report_folder(options, folder);
  const auto train = open_training_data(run.config);
  if (train) tell_what_was_trained_on(*train, held_out);
  auto report = evaluate(*run.model, held_out.data, train ? &*train : nullptr, run.config.evaluate,
                         options.suites, terminal_progress(), aids);
  report.provenance = {run.run_folder, run.checkpoint_folder, run.step,
                       run.digest,     run.has_ema,           held_out.glob};
  write_report(folder, report, shown_dreams(held_out));
  print(report, options, folder);
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
  app.get_option("RUN_OR_CHECKPOINT")->required(false);
  app.add_option("--predictions", options->predictions,
                 "an .npz of frames that another program has predicted, in place of a run: frames "
                 "[N, T, H, W, C], episodes [N], context_frames");
  app.add_option(
      "--features", options->features,
      "a TorchScript file whose module turns clips, uint8 [N, T, H, W, C], into features "
      "[N, D], for the suite distribution; default: random filters");
  app.add_flag("--json", options->json, "print report.json on standard output");
  return [options] { return eval(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(eval, "eval",
                    "measure a model on held-out episodes; write report.html, .md and .json",
                    set_up_eval)

}  // namespace nextframe
