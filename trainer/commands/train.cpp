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
#include "trainer/commands/train_task.h"
#include "trainer/evaluate/held_out_data.h"
#include "trainer/exit_code.h"
#include "trainer/init_weights.h"
#include "trainer/machine_checks.h"
#include "trainer/recompute.h"
#include "trainer/records/console.h"
#include "trainer/records/run_folder.h"
#include "trainer/records/run_lock.h"
#include "trainer/stages.h"
#include "trainer/stop_requests.h"
#include "trainer/trainer.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

/// Runs `work` on the root; what goes wrong there ends every rank with the same message.
void do_on_root(const World& world, Communicator& control, const std::function<void()>& work) {
  Failure failure{ExitCode::done, ""};
  if (world.is_root()) {
    try {
      work();
    } catch (...) {
      failure = describe_failure(std::current_exception());
    }
  }
  const auto message = broadcast_string(control, failure.message);
  const int code =
      std::stoi(broadcast_string(control, std::to_string(static_cast<int>(failure.code))));
  if (code != 0) throw ExitError(static_cast<ExitCode>(code), message);
}

/// The root makes or recognises the folder, and what the run begins with.
RunFolder open_on_root(const World& world, Communicator& control, const TrainTask& task,
                       const WorldModel& model, RunLock& lock, Console& console) {
  const auto& path = task.run;
  do_on_root(world, control, [&] {
    if (!task.fork.empty() && std::filesystem::exists(path / "resolved.yaml")) {
      throw UsageError(task.fork +
                       " is a run already; continue it with --run, or fork into a new folder");
    }
    if (std::filesystem::exists(path / "resolved.yaml")) {
      require_same_init(path, task.init);
    } else {
      begin_init(path, task.init, model, task.config);
    }
    open_run_folder(path, task.config, task.config_path, task.command,
                    [&](const std::string& line) { console.say(line); });
    console.say_once(lock.take(path));
  });
  require_shared_folder(control, path);
  return {path};
}

/// Of a run with --init that has no checkpoint yet: gives every rank's model the weights that it is
/// to begin with. Whether there were any. Collective.
bool take_init(const World& world, Communicator& control, const RunFolder& folder,
               WorldModel& model, Console& console) {
  std::optional<InitRecord> record;
  std::vector<at::Tensor> weights;
  do_on_root(world, control, [&] {
    if (list_checkpoints(folder.checkpoints()).empty()) record = read_init(folder.path);
    if (record) weights = read_init_weights(*record);
  });
  share_init_weights(control, model, record ? record->taken : std::vector<std::string>(),
                     std::move(weights));
  if (record) {
    for (const auto& line : describe_init(*record)) console.say(line);
  }
  return !broadcast_string(control, record ? "taken" : "").empty();
}

/// On a CPU, cores are used by ranks; a lone run on a machine with idle ones says so.
void suggest_ranks(const World& world, const Config& config, std::vector<std::string> command,
                   Console& console) {
  if (const auto note = thread_note(config.parallel.threads); !note.empty()) console.say(note);
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

/// data.validation, opened before the first step, and what there is to say of it.
struct HeldOutSet {
  std::optional<Dataset> data;
  std::string words;
};

/// Where it is not going to be evaluated while training, what is wrong with it is no error.
void open_held_out_set(const Config& config, const Dataset& train, HeldOutSet& set) {
  try {
    auto validation = open_validation(config.data, config.evaluate, train);
    if (!validation) return;
    set.data.emplace(std::move(*validation));
    set.words = describe_held_out(*set.data, config.evaluate, true);
  } catch (const DataError& error) {
    if (config.evaluate.every_steps > 0) throw;
    set.words = std::string("held-out data that cannot be evaluated: ") + error.what();
  }
}

/// After the run has taken the scale of its checkpoint, if it has one; the held-out set follows.
void tell_actions(const Config& config, const Dataset& train, HeldOutSet& held_out,
                  Console& console) {
  if (held_out.data) held_out.data->scale_actions(train.action_scale());
  if (config.trains_tokenizer()) return;  // which sees none
  for (const auto& line : describe_training_actions(train, "data.train")) console.say(line);
  if (!held_out.data) return;
  for (const auto& line :
       describe_held_out_actions(*held_out.data, "data.validation", usual_scale(train))) {
    console.say(line);
  }
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

/// What all runs of this command share.
struct TrainSession {
  const World& world;
  const SignalWatch& signals;
  const LauncherEnvironment& environment;
};

void require_grains(const World& world, const Config& config) {
  if (world.size() <= config.trainer.grains) return;
  throw UsageError(c10::str("trainer.grains = ", config.trainer.grains, " cannot feed ",
                            world.size(), " ranks; start at most ", config.trainer.grains,
                            ", or give more grains"));
}

int train_run(const TrainSession& session, TrainTask task) {
  const auto& world = session.world;
  const auto& path = task.run;
  StopRequests stops(session.signals, {RunFolder{path}.stop_file(), task.config.trainer.max_minutes,
                                       session.environment.job_ends_in_s});
  require_grains(world, task.config);
  Watchdog watchdog({world.rank(), world.size(), world.host()},
                    {task.config.parallel.hang_limit_s, task.config.parallel.pause_limit_s},
                    world.flight_log(), report_hang_and_exit, world.abortables());
  const auto control = world.make_host_communicator("setup");
  require_equal(*control, "config", text_hash(to_yaml(task.config)));
  require_equal(*control, "build", version() + " " + commit() + " " + build_type());
  Console console(world.is_root());
  const KernelWarningListener notes([&](const std::string& note) { console.say(note); });
  Dataset data = open_training_set(task.config.data);
  require_equal(*control, "dataset", data.fingerprint());
  const auto stages = open_stages(task);
  require_equal(*control, "tokenizer", digests_of(stages));
  const Config& config = task.config;
  HeldOutSet held_out;  // the root's
  do_on_root(world, *control, [&] { open_held_out_set(config, data, held_out); });
  const auto model = make_model(config, data.shape(), stages);
  model->to(world.device());
  choose_flash_kernels(config.trainer.flash_kernels);
  recompute_blocks(*model, config);
  require_matrices(config.optimizer, *model, config.trained_part());

  RunLock lock;
  const auto folder = open_on_root(world, *control, task, *model, lock, console);
  do_on_root(world, *control, [&] {
    for (const auto& stage : stages) keep_stage(stage, path);
  });
  watchdog.set_folder({folder.log(), broadcast_string(*control, new_start_name())});
  if (world.is_root()) HangFolder::prune(folder.log());
  console.open_log(folder.log() / c10::str("rank", world.rank(), ".log"));
  if (world.is_root()) console.say_once(session.environment.unheeded);
  introduce(world, config, folder, data, console);
  for (const auto& stage : stages) {
    console.say(c10::str(stage.source.role == "actions" ? "latent actions" : "latents",
                         " of tokenizer ", stage.source.from, ", digest ", stage.digest));
  }
  if (!held_out.words.empty()) console.say(held_out.words);
  if (held_out.data) {
    const auto line = describe_shards_in_common(data.identities(), held_out.data->identities());
    if (!line.empty()) console.say(line);
  }
  for (const auto& line : data.describe_reading("data.train")) console.say(line);
  const auto repeated = describe_repeated_shards(data.identities(), "data.train");
  if (!repeated.empty()) console.say(repeated);
  suggest_ranks(world, config, task.command, console);
  const bool has_new_weights = take_init(world, *control, folder, *model, console);
  Trainer trainer(config, world, folder, model, data, console, watchdog,
                  world.device().is_cuda() ? cuda_graph_recorder() : nullptr);
  trainer.restore(task.accepts_new_data);
  tell_actions(config, data, held_out, console);
  if (has_new_weights) trainer.save_beginning();  // the source may go now
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
    Evaluation evaluation;
    if (held_out.data) {
      evaluation =
          make_training_evaluation({config, folder, *model, data, *held_out.data, stops, console});
    }
    const auto stop = trainer.run(stops, evaluation);
    return static_cast<int>(finish(stop, stops, trainer, config, folder, world, console));
  } catch (...) {
    note_failure(world, folder, trainer.position().step, config.trainer.steps);
    watchdog.report_communicator_fault();
    throw;
  }
}

int train(const TrainArguments& options) {
  const auto config = options.config->load();
  const auto path = options.folder(config);
  const auto environment = read_launcher_environment();
  const auto first = first_stages(config, path);
  if (environment.rank == 0) {
    refuse_if_held(path, environment.supervisor);
    for (const auto& task : first) refuse_if_held(task.run, environment.supervisor);
  }
  constexpr int64_t kOwnThreads = 8;  // of the watchdog, the saver and the communicators
  require_threads(config.parallel.threads + config.data.loader_threads + kOwnThreads);
  const SignalWatch signals;
  const MpiSession session({.run = path, .limit_s = config.parallel.pause_limit_s});
  const World world(session, {config.parallel.device, config.parallel.threads});
  require_grains(world, config);
  const TrainSession shared{world, signals, environment};
  for (const auto& task : first) {
    Console(world.is_root())
        .say(c10::str("first its tokenizer, ", task.config_path, ", in ", task.run.string()));
    const int code = train_run(shared, task);
    if (code != static_cast<int>(ExitCode::done)) return code;
  }
  return train_run(shared, {config, options.config->path, path, options.command(path), options.fork,
                            options.init, options.accept_new_data});
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
