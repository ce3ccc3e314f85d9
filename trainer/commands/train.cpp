// `nextframe train`: turns a config into a trained run, on as many ranks as were launched.

#include <thread>

#include "data/error.h"
#include "kernels/flash_choice.h"
#include "kernels/kernel_warnings.h"
#include "kernels/torch.h"
#include "launch/environment.h"
#include "launch/hang/hang_exit.h"
#include "launch/mpi/mpi_session.h"
#include "launch/rank_agreement.h"
#include "launch/text.h"
#include "launch/world.h"
#include "trainer/checkpoint/digest.h"
#include "trainer/checkpoint/store.h"
#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"
#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/report.h"
#include "trainer/exit_code.h"
#include "trainer/recompute.h"
#include "trainer/records/console.h"
#include "trainer/records/run_folder.h"
#include "trainer/records/run_lock.h"
#include "trainer/stop_requests.h"
#include "trainer/trainer.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

/// The root makes or recognises the folder; what goes wrong there ends every rank with the same
/// message.
RunFolder open_on_root(const World& world, Communicator& control, const std::filesystem::path& path,
                       const Config& config, const TrainArguments& options, RunLock& lock,
                       Console& console) {
  std::string problem;
  int code = 0;
  if (world.is_root()) {
    try {
      if (!options.fork.empty() && std::filesystem::exists(path / "resolved.yaml")) {
        throw UsageError(options.fork +
                         " is a run already; continue it with --run, or fork into a new folder");
      }
      open_run_folder(path, config, options.config->path, options.command(path),
                      [&](const std::string& line) { console.say(line); });
      console.say_once(lock.take(path));
    } catch (const ExitError& error) {
      problem = error.what();
      code = static_cast<int>(error.code);
    } catch (const std::exception& error) {
      problem = error.what();
      code = static_cast<int>(ExitCode::environment);
    }
  }
  problem = broadcast_string(control, problem);
  code = std::stoi(broadcast_string(control, std::to_string(code)));
  if (!problem.empty()) throw ExitError(static_cast<ExitCode>(code), problem);
  require_shared_folder(control, path);
  return {path};
}

/// On a CPU, cores are used by ranks; a lone run on a machine with idle ones says so.
void suggest_ranks(const World& world, const Config& config, std::vector<std::string> command,
                   Console& console) {
  const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
  const auto ranks =
      std::min(cores / std::max<int64_t>(1, config.parallel.threads), config.trainer.grains);
  if (world.size() > 1 || !world.device().is_cpu() || ranks < 2) return;
  command.insert(command.begin() + 1, {"launch", "-n", std::to_string(ranks)});
  console.say(c10::str("one rank uses ", config.parallel.threads, " of ", cores,
                       " cores; to use them all, with the same bits: ", shell_words(command)));
}

void introduce(const World& world, const Config& config, const RunFolder& folder,
               const Dataset& data, Console& console) {
  console.say(c10::str("nextframe ", version(), " (", commit(), ")  seed ", config.trainer.seed,
                       "  run ", folder.path.string(), "  log ", folder.metrics().string()));
  console.say(c10::str(world.size(), " rank", world.size() == 1 ? "" : "s", " on ",
                       world.device().str(), "  ", data.num_episodes(), " episodes, ",
                       data.num_frames(), " frames, ", data.num_clips(), " clips of ",
                       config.data.clip_frames, " frames"));
  if (data.num_short_episodes() > 0) {
    console.say(
        c10::str(data.num_short_episodes(), " episodes are shorter than a clip and are left out"));
  }
}

/// Held-out data that cannot be opened are the evaluation's matter.
void tell_shards_in_common(const Config& config, const Dataset& train, Console& console) {
  if (config.data.validation.empty()) return;
  try {
    const Dataset held_out(config.data.validation, config.data.clip_frames,
                           config.data.stride_frames, train.action_width());
    const auto line = describe_shards_in_common(train.identities(), held_out.identities());
    if (!line.empty()) console.say(line);
  } catch (const DataError&) {
  }
}

/// Thrown out of an evaluation that a request to stop has interrupted.
struct Interrupted {};

/// The same episodes, none of which is read once somebody has asked to stop.
EpisodeSource until_stopped(EpisodeSource source, StopRequests& stops) {
  source.read = [read = source.read, &stops](int64_t episode, int64_t max_frames) {
    if (stops.requested() != StopRequest::none) throw Interrupted();
    return read(episode, max_frames);
  };
  return source;
}

/// Reports and samples while training, on the held-out episodes.
Evaluation make_evaluation(const World& world, const Config& config, const RunFolder& folder,
                           WorldModel& model, const Dataset& train, StopRequests& stops,
                           Console& console) {
  if (!world.is_root() || config.evaluate.every_steps == 0) return {};
  const auto held_out = std::make_shared<Dataset>(config.data.validation, config.data.clip_frames,
                                                  config.data.stride_frames, train.action_width());
  const auto evaluate_now = [&, held_out](int64_t step) {
    const auto known = until_stopped(first_episodes(train, train.num_episodes()), stops);
    auto report =
        evaluate(model, until_stopped(first_episodes(*held_out, config.evaluate.episodes), stops),
                 &known, config.evaluate);
    report.provenance = {folder.path.string(),  "", step, "", config.optimizer.ema_decay > 0,
                         config.data.validation};
    const auto name = checkpoint_name(step);
    write_report((folder.path / "eval" / name).string(), report, {});
    write_sample_sheet(model, *held_out, config.evaluate,
                       (folder.samples() / (name + ".png")).string());
    console.say(to_summary(report));
  };
  return [evaluate_now, &console](int64_t step) {
    try {
      evaluate_now(step);
    } catch (const Interrupted&) {
      console.say(c10::str("the evaluation of step ", step, " was not finished"));
    }
  };
}

/// The last line: what came of it, against repeating the last frame.
void tell_result(const Trainer& trainer, const RunFolder& folder, Console& console) {
  const double ratio = trainer.error_over_copy_last();
  std::string result = c10::str("finished at step ", trainer.position().step,
                                "; next: nextframe eval ", shell_words({folder.path.string()}));
  if (ratio > 0) {
    result =
        c10::str("one-step error ", ratio, " of copy-last's on the last training clips; ", result);
  }
  console.say(result);
}

ExitCode finish(StopRequest stop, const StopRequests& stops, const Trainer& trainer,
                const Config& config, const RunFolder& folder, const World& world,
                Console& console) {
  const bool is_done = stop == StopRequest::none;
  const std::string state = is_done                        ? "finished"
                            : stop == StopRequest::preempt ? "preempted"
                                                           : "interrupted";
  if (world.is_root()) {
    console.say_once(write_status(folder, state, trainer.position().step, config.trainer.steps));
  }
  if (is_done) {
    tell_result(trainer, folder, console);
    return ExitCode::done;
  }
  console.say(c10::str("asked to stop by ", stops.reason(), ": ", state, " and saved at step ",
                       trainer.position().step, "; the same command continues"));
  return stop == StopRequest::preempt ? ExitCode::preempted : ExitCode::interrupted;
}

/// So that status.json does not say "running" of what has ended; a killed process leaves it so.
void note_failure(const World& world, const RunFolder& folder, int64_t step, int64_t steps) {
  // The disk may be what failed; the error that is on its way says more.
  if (world.is_root()) write_status(folder, "failed", step, steps);
}

/// A model that does not fit the data is the config's mistake.
std::shared_ptr<WorldModel> make_model(const Config& config, const ClipShape& shape) {
  try {
    return config.make_model(shape);
  } catch (const c10::Error& error) {
    throw UsageError(error.what_without_backtrace());
  }
}

int train(const TrainArguments& options) {
  const auto config = options.config->load();
  const auto path = options.folder(config);
  const auto environment = read_launcher_environment();
  if (environment.rank == 0) refuse_if_held(path, environment.supervisor);
  constexpr int64_t kOwnThreads = 8;  // of the watchdog, the saver and the communicators
  require_threads(config.parallel.threads + config.data.loader_threads + kOwnThreads);
  const SignalWatch signals;
  StopRequests stops(signals, {RunFolder{path}.stop_file(), config.trainer.max_minutes,
                               environment.job_ends_in_s});
  const MpiSession session({.run = path, .limit_s = config.parallel.pause_limit_s});
  const World world(session, {config.parallel.device, config.parallel.threads});
  if (world.size() > config.trainer.grains) {
    throw UsageError(c10::str("trainer.grains = ", config.trainer.grains, " cannot feed ",
                              world.size(), " ranks; start at most ", config.trainer.grains,
                              ", or give more grains"));
  }
  Watchdog watchdog({world.rank(), world.size(), world.host()},
                    {config.parallel.hang_limit_s, config.parallel.pause_limit_s},
                    world.flight_log(), report_hang_and_exit, world.abortables());
  const auto control = world.make_host_communicator("setup");
  require_equal(*control, "config", text_hash(to_yaml(config)));
  require_equal(*control, "build", version() + " " + commit() + " " + build_type());
  Console console(world.is_root());
  const KernelWarningListener notes([&](const std::string& note) { console.say(note); });
  Dataset data(config.data.train, config.data.clip_frames, config.data.stride_frames);
  require_equal(*control, "dataset", data.fingerprint());
  const auto model = make_model(config, data.shape());
  model->to(world.device());
  choose_flash_kernels(config.trainer.flash_kernels);
  recompute_blocks(*model, config);

  RunLock lock;
  const auto folder = open_on_root(world, *control, path, config, options, lock, console);
  watchdog.set_folder({folder.log(), broadcast_string(*control, new_start_name())});
  if (world.is_root()) HangFolder::prune(folder.log());
  console.open_log(folder.log() / c10::str("rank", world.rank(), ".log"));
  if (world.is_root()) console.say_once(environment.unheeded);
  introduce(world, config, folder, data, console);
  if (world.is_root()) tell_shards_in_common(config, data, console);
  suggest_ranks(world, config, options.command(path), console);
  Trainer trainer(config, world, folder, model, data, console, watchdog,
                  world.device().is_cuda() ? cuda_graph_recorder() : nullptr);
  trainer.restore(options.accept_new_data);
  if (world.is_root()) accept_config(folder, config);
  if (trainer.position().step >= config.trainer.steps) {
    console.say(c10::str("this run is finished (step ", trainer.position().step, " of ",
                         config.trainer.steps, ")"));
    if (world.is_root()) {
      console.say_once(
          write_status(folder, "finished", trainer.position().step, config.trainer.steps));
    }
    return static_cast<int>(ExitCode::done);
  }
  try {
    const auto evaluation = make_evaluation(world, config, folder, *model, data, stops, console);
    const auto stop = trainer.run(stops, evaluation);
    return static_cast<int>(finish(stop, stops, trainer, config, folder, world, console));
  } catch (...) {
    note_failure(world, folder, trainer.position().step, config.trainer.steps);
    watchdog.report_communicator_fault();
    throw;
  }
}

CommandBody set_up_train(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = add_train_arguments(app);
  return [options] { return train(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(train, "train", "train a world model; under mpirun or srun on many ranks",
                    set_up_train)

}  // namespace nextframe
