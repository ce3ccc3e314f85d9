// nextframe rollout RUN_OR_CHECKPOINT --out FILE: what the model dreams, as a picture or as
// numbers.
#include <cstdio>

#include "trainer/commands/command.h"
#include "trainer/commands/held_out.h"
#include "trainer/evaluate/dream.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

struct RolloutArguments {
  std::shared_ptr<HeldOutArguments> held_out;
  std::vector<int64_t> episodes;
  int64_t context_frames = 8;
  int64_t frames = 32;
  bool between = false;
  bool animate = false;
  std::string out;
};

int rollout(const RolloutArguments& arguments) {
  check_dream_path(arguments.out);  // before the work
  const auto held_out = open_held_out(*arguments.held_out);
  const auto source = all_episodes(held_out.data);
  auto episodes = arguments.episodes;
  const int64_t longer_than =
      arguments.between ? source.shape.clip_frames - 1 : arguments.context_frames;
  if (episodes.empty()) episodes = sample_episodes(source, longer_than);
  if (episodes.empty()) {
    const auto longer = arguments.between
                            ? c10::str(longer_than, " frames")
                            : c10::str("--context ", longer_than, " frames; give a smaller one");
    throw UsageError(
        c10::str("rollout: no episode of ", held_out.glob, " is longer than ", longer));
  }
  const RolloutOptions options = rollout_options(held_out.run.config.evaluate);
  if (arguments.between) {
    write_dreams(between(*held_out.run.model, source, episodes, options, terminal_progress()),
                 arguments.out, arguments.animate, ActionScale());
    std::printf(arguments.out.ends_with(".npz")
                    ? "%s: frames (filled in), truth, context (the first), after (the last)\n"
                    : "%s: truth above, below it the frames filled in between the two under amber "
                      "bars\n",
                arguments.out.c_str());
    return 0;
  }
  const auto dreams = dream(*held_out.run.model, source, episodes, arguments.context_frames,
                            arguments.frames, options, terminal_progress());
  const bool has_data_actions = held_out.run.model->num_latent_actions() == 0;
  write_dreams(dreams, arguments.out, arguments.animate,
               has_data_actions ? held_out.run.action_scale : ActionScale());
  if (arguments.out.ends_with(".npz")) {
    std::printf("%s: frames (dreamed), truth, context, actions and episodes as arrays\n",
                arguments.out.c_str());
  } else if (held_out.run.model->can_predict()) {
    std::printf(
        "%s: truth above, dream below; the amber bar marks the %lld frames that were given\n",
        arguments.out.c_str(), static_cast<long long>(arguments.context_frames));
  } else {
    std::printf("%s: truth above, what the tokenizer leaves of it below\n", arguments.out.c_str());
  }
  for (const auto& dream : dreams) {
    if (dream.dreamed_THWC.size(0) == arguments.frames) continue;
    std::printf("episode %lld ends after %lld dreamed frames\n",
                static_cast<long long>(dream.episode),
                static_cast<long long>(dream.dreamed_THWC.size(0)));
  }
  return 0;
}

CommandBody set_up_rollout(CLI::App& app) {
  app.group(kModelCommands);
  const auto arguments = std::make_shared<RolloutArguments>();
  arguments->held_out = add_held_out_arguments(app);
  app.add_option("--episode", arguments->episodes,
                 c10::str("held-out episodes by index, for example 0,3,5; default: the first ",
                          kSampleEpisodes, " that are long enough"))
      ->allow_extra_args(false)
      ->delimiter(',');
  app.add_option("--context", arguments->context_frames, "true frames to start from; default 8")
      ->check(CLI::Range(1, 65536));
  app.add_option("--frames", arguments->frames, "frames to predict; default 32")
      ->check(CLI::Range(1, 65536));
  auto* const between =
      app.add_flag("--between", arguments->between,
                   "fill in a clip between its first frame and its last, for models that attend to "
                   "whole clips (objective.name = clip_flow)");
  for (const char* option : {"--context", "--frames"}) between->excludes(app.get_option(option));
  app.add_flag("--animate", arguments->animate, "write an animated .png instead of a sheet");
  app.add_option(
         "--out", arguments->out,
         "file to write: .png a sheet of all frames, .webp an animation, .npz frames as numbers")
      ->required();
  return [arguments] { return rollout(*arguments); };
}

}  // namespace

NF_REGISTER_COMMAND(rollout, "rollout",
                    "predict frames after real ones, and write them beside what really happened",
                    set_up_rollout)

}  // namespace nextframe
