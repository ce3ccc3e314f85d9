// nextframe play RUN_OR_CHECKPOINT: the player's actions, the model's frames, in a browser or in a
// terminal.
#include <cstdio>
#include <optional>

#include "trainer/commands/command.h"
#include "trainer/commands/held_out.h"
#include "trainer/exit_code.h"
#include "trainer/play/page.h"
#include "trainer/play/play_terminal.h"
#include "trainer/play/web_server.h"

namespace nextframe {
namespace {

struct PlayArguments {
  std::shared_ptr<HeldOutArguments> held_out;
  std::optional<int64_t> episode;
  DreamStart start;
  std::string replay;
  bool is_tty = false;
  TerminalPlay terminal;
  WebServerOptions web;
};

PlayActions actions_of(const HeldOut& held_out) {
  const auto& run = held_out.run;
  if (const auto latent = run.model->num_latent_actions(); latent > 0) {
    return PlayActions::latent(latent);
  }
  auto space = held_out.data.action_space();
  space.width = run.config.actions.is_none() ? 0 : held_out.data.action_width();
  return {space, run.action_scale, held_out.data.action_columns(), held_out.data.stride_frames()};
}

PlayedModel played_model(const HeldOut& held_out) {
  const auto& run = held_out.run;
  if (!run.model->can_predict()) {
    throw UsageError(run.checkpoint_folder +
                     ": is a tokenizer, which predicts nothing; play the run of a model on its "
                     "latents");
  }
  const auto truth = all_episodes(held_out.data);
  const auto& evaluate = run.config.evaluate;
  return {.model = *run.model,
          .truth = truth,
          .told = with_latent_actions(truth, *run.model),
          .actions = actions_of(held_out),
          .sampling = {evaluate.denoise_steps, evaluate.guidance},
          .has_guidance = run.config.actions.dropout > 0,
          .digest = run.digest};
}

DreamLog log_of_arguments(const PlayArguments& arguments, const PlayedModel& played) {
  if (!arguments.replay.empty()) return dream_log_from(arguments.replay);
  DreamLog log{arguments.start, "", {}};
  log.start.episode = arguments.episode
                          ? *arguments.episode
                          : first_playable_episode(played.told, log.start.context_frames);
  return log;
}

void serve(const PlayArguments& arguments, const PlayedModel& played, const DreamLog& log,
           int64_t threads) {
  auto options = arguments.web;
  options.threads = threads;
  const bool has_simulator = arguments.terminal.has_simulator;
  const auto make_client = [&played, log, has_simulator] {
    return std::make_unique<PlayClient>(played, log, has_simulator);
  };
  WebServer server(options, play_page(), make_client);
  std::printf(
      "play: %s\nCtrl-C ends it. From another machine: ssh -L %d:127.0.0.1:%d THIS_MACHINE\n",
      server.address().c_str(), server.port(), server.port());
  std::fflush(stdout);
  server.run();
  std::printf("play: ended\n");
}

int play(const PlayArguments& given) {
  auto arguments = given;
  const auto held_out = open_held_out(*arguments.held_out);
  const auto played = played_model(held_out);
  const auto log = log_of_arguments(arguments, played);
  auto dream = std::make_unique<DreamSession>(played, log);  // what is wrong with them is told here
  arguments.terminal.has_simulator = simulator_problem(played).empty();
  if (arguments.is_tty) {
    play_in_terminal(played, std::move(dream), arguments.terminal);
  } else {
    dream.reset();
    serve(arguments, played, log, held_out.run.config.parallel.threads);
  }
  return 0;
}

CommandBody set_up_play(CLI::App& app) {
  app.group(kModelCommands);
  const auto arguments = std::make_shared<PlayArguments>();
  arguments->held_out = add_held_out_arguments(app);
  auto& start = arguments->start;
  app.add_option(
      "--episode", arguments->episode,
      "held-out episode to begin from, by number; default: the first that is long enough");
  app.add_option("--start", start.first_frame,
                 "frame of it that the context begins with; default 0")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  app.add_option("--context", start.context_frames, "true frames to begin from; default 8")
      ->check(CLI::Range(1, 65536));
  app.add_option("--seed", start.seed, "of the noise of sampling objectives; default 0");
  app.add_option("--replay", arguments->replay,
                 "log of a dream, which a shared link has behind its #: plays it once more, then "
                 "you take over; in place of --episode, --start, --context and --seed");
  app.add_flag("--tty", arguments->is_tty, "play in this terminal, which needs 24-bit colour");
  app.add_option("--fps", arguments->terminal.frames_per_s,
                 "with --tty: frames a second, if the model is fast enough; default 10")
      ->check(CLI::Range(0.25, 60.0));
  app.add_option("--host", arguments->web.host,
                 "address or name to listen on; default 127.0.0.1, this machine only");
  app.add_option("--port", arguments->web.port, "port to listen on; default 0, one that is free")
      ->check(CLI::Range(0, 65535));
  app.add_option("--players", arguments->web.most_players,
                 "players at a time, each with a dream of their own; default 8")
      ->check(CLI::Range(1, 64));
  return [arguments] { return play(*arguments); };
}

}  // namespace

NF_REGISTER_COMMAND(play, "play",
                    "play the dream: your actions, the model's frames, in a browser "
                    "or in a terminal",
                    set_up_play)

}  // namespace nextframe
