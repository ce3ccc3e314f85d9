// nextframe compare RUN RUN ...: which model is better, on the same held-out episodes.
#include <cstdio>

#include "data/durable_file.h"
#include "data/error.h"
#include "trainer/commands/command.h"
#include "trainer/commands/held_out.h"
#include "trainer/evaluate/comparison.h"
#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/image.h"
#include "trainer/evaluate/report_view.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

struct CompareOptions {
  std::vector<std::string> runs;
  std::string data, out;
  std::optional<int64_t> episodes;
  bool json = false;
};

/// Of fields that differ between runs, except where they are kept and what they are called.
std::vector<Comparison::ConfigRow> config_differences(const std::vector<Config>& configs) {
  std::vector<std::string> keys;
  for (const auto& config : configs) {
    for (const auto& field : config.resolved) {
      if (std::find(keys.begin(), keys.end(), field.key) == keys.end()) keys.push_back(field.key);
    }
  }
  std::vector<Comparison::ConfigRow> rows;
  for (const auto& key : keys) {
    Comparison::ConfigRow row{key, {}};
    for (const auto& config : configs) row.values.push_back(config.value_of(key));
    const bool differs = std::any_of(row.values.begin(), row.values.end(),
                                     [&](const auto& value) { return value != row.values[0]; });
    if (differs && key != "run.name") rows.push_back(std::move(row));
  }
  return rows;
}

/// Throws UsageError where episodes of one are no episodes of the other.
void require_comparable(const HeldOut& first, const HeldOut& other) {
  const auto &a = first.data.shape(), &b = other.data.shape();
  const bool is_same_size = std::tie(a.height_px, a.width_px, a.channels) ==
                            std::tie(b.height_px, b.width_px, b.channels);
  if (is_same_size && first.data.stride_frames() == other.data.stride_frames()) return;
  throw UsageError("compare: " + other.run.checkpoint_folder + " is of " + describe_shape(b) +
                   c10::str(", stride ", other.data.stride_frames()) + "; " +
                   first.run.checkpoint_folder + " of " + describe_shape(a) +
                   c10::str(", stride ", first.data.stride_frames()));
}

ModelScores scores_of(HeldOut& held_out, const EvaluateConfig& config, int64_t& episodes) {
  const auto source = evaluated_episodes(held_out.data, config);
  episodes = source.num_episodes();
  EvaluationContext evaluation(*held_out.run.model, source, nullptr, config, terminal_progress());
  return {evaluation.one_step(), evaluation.rollouts()};
}

std::string dreams_png(const HeldOut& held_out, const EvaluateConfig& config) {
  const auto source = all_episodes(held_out.data);
  const auto episodes = sample_episodes(source, config.context_frames);
  if (episodes.empty()) return "";
  return encode_png(sheet(dream(*held_out.run.model, source, episodes, config.context_frames,
                                config.horizon_frames, rollout_options(config))));
}

int compare(const CompareOptions& options) {
  Comparison comparison;
  std::vector<Config> configs;
  std::optional<HeldOut> first;
  std::optional<ModelScores> first_scores;
  EvaluateConfig settings;  // the first run's, but for how each samples
  for (const auto& run : options.runs) {
    HeldOutArguments arguments{run, options.data, {}, {}};
    if (first && arguments.data.empty()) arguments.data = first->glob;
    auto held_out = open_held_out(arguments);
    if (!held_out.run.model->can_predict())
      throw UsageError("compare: " + run + " is a tokenizer, which predicts nothing");
    if (first) require_comparable(*first, held_out);
    if (!first) settings = held_out.run.config.evaluate;
    auto own = settings;
    own.denoise_steps = held_out.run.config.evaluate.denoise_steps;
    own.guidance = held_out.run.config.evaluate.guidance;
    if (options.episodes) own.episodes = *options.episodes;
    const auto scores = scores_of(held_out, own, comparison.episodes);
    const Provenance provenance{held_out.run.run_folder, held_out.run.checkpoint_folder,
                                held_out.run.step,       held_out.run.digest,
                                held_out.run.has_ema,    held_out.glob};
    comparison.runs.push_back(
        {run, describe_model(provenance),
         compare_scores(first_scores ? *first_scores : scores, scores, own.horizon_frames),
         options.out.empty() ? "" : dreams_png(held_out, own)});
    configs.push_back(held_out.run.config);
    if (first) continue;
    comparison.data = held_out.glob;
    comparison.context_frames = own.context_frames;
    first_scores = scores;
    first.emplace(std::move(held_out));
  }
  comparison.config = config_differences(configs);
  std::fputs(options.json ? to_json(comparison).c_str() : to_text(comparison).c_str(), stdout);
  if (!options.out.empty()) {
    write_durably(std::filesystem::absolute(options.out), to_html(comparison));
    std::fprintf(options.json ? stderr : stdout, "\npage: %s\n", options.out.c_str());
  }
  return 0;
}

CommandBody set_up_compare(CLI::App& app) {
  app.group(kModelCommands);
  const auto options = std::make_shared<CompareOptions>();
  app.add_option("RUN", options->runs,
                 "runs or checkpoints; the others are compared with the first")
      ->required()
      ->expected(2, 16);
  app.add_option("--data", options->data,
                 "held-out shards; quote it; default: data.validation of the first run");
  app.add_option("--episodes", options->episodes, "how many; default: evaluate.episodes")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--out", options->out, "an .html page to write, with pictures");
  app.add_flag("--json", options->json, "print the comparison as JSON");
  return [options] { return compare(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(compare, "compare",
                    "compare models on the same episodes: what differs, and which is better",
                    set_up_compare)

}  // namespace nextframe
