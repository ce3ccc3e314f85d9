// `nextframe launch`: supervised training on many ranks, restarted after a fault.
#include <algorithm>

#include "data/durable_file.h"
#include "launch/affinity.h"
#include "launch/environment.h"
#include "launch/hang/hang_folder.h"
#include "launch/standard_streams.h"
#include "launch/supervise/host_list.h"
#include "launch/supervise/supervise.h"
#include "trainer/checkpoint/store.h"
#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"
#include "trainer/commands/launch_sbatch.h"
#include "trainer/exit_code.h"
#include "trainer/records/launch_log.h"
#include "trainer/records/run_lock.h"

namespace nextframe {
namespace {

constexpr int64_t kMostRanks = 1 << 20;

struct LaunchOptions {
  SupervisorLimits limits;
  int64_t num_ranks = 0, min_ranks = 0;  // 0: not given
  MpirunOptions mpirun;
  SbatchArguments sbatch;
};

void say(const std::string& line) { write_to_standard_error("launch: " + line + "\n"); }

/// What stands behind launch's own options must be `train` and its arguments.
std::shared_ptr<const TrainArguments> parse_train(const std::vector<std::string>& words) {
  const std::string help = "\nRun 'nextframe launch --help' for its arguments.";
  if (words.empty()) throw UsageError("launch what? nextframe launch -n 2 train CONFIG" + help);
  if (words.front().starts_with('-'))
    throw UsageError("unknown flag '" + words.front() + "' of nextframe launch" + help);
  if (words.front() != "train") {
    throw UsageError("nextframe launch starts 'train' only, not '" + words.front() + "'" + help);
  }
  CLI::App app("", "nextframe launch train");
  app.set_help_flag();
  const auto arguments = add_train_arguments(app);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend() - 1));
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) +
                     "\nRun 'nextframe train --help' for its arguments.");
  }
  return arguments;
}

/// Slurm's number of tasks, else one rank a slot or core, as many as have a grain each.
int64_t default_ranks(const Config& config, const LauncherEnvironment& environment,
                      const std::vector<Host>& hosts) {
  if (environment.slurm_tasks > 1) return environment.slurm_tasks;
  if (!hosts.empty()) return std::min(count_slots(hosts), config.trainer.grains);
  const int64_t threads = std::max<int64_t>(1, config.parallel.threads);
  return std::clamp<int64_t>(num_available_cores() / threads, 1, config.trainer.grains);
}

SupervisorLimits limits_of(const LaunchOptions& options, const Config& config,
                           const LauncherEnvironment& environment) {
  auto limits = options.limits;
  limits.hosts = job_hosts(options.mpirun.hosts, environment);
  limits.this_host = host_name();
  limits.pool.oversubscribe = options.mpirun.oversubscribe;
  limits.num_ranks =
      options.num_ranks > 0 ? options.num_ranks : default_ranks(config, environment, limits.hosts);
  if (limits.num_ranks > kMostRanks) {
    throw UsageError("-n " + std::to_string(limits.num_ranks) + " is more than " +
                     std::to_string(kMostRanks) + " ranks");
  }
  limits.min_ranks = options.min_ranks > 0 ? options.min_ranks : limits.num_ranks;
  if (limits.min_ranks > limits.num_ranks) {
    throw UsageError("--min-ranks " + std::to_string(limits.min_ranks) + " is more than the " +
                     std::to_string(limits.num_ranks) + " ranks to start; see -n");
  }
  return limits;
}

/// A job script that repeats these options.
int write_script(const LaunchOptions& options, const Config& config,
                 const std::vector<std::string>& train) {
  auto sbatch = options.sbatch;
  auto& script = sbatch.options;
  script.num_ranks =
      options.num_ranks > 0 ? options.num_ranks : script.gpus_per_node * script.num_nodes;
  if (script.num_ranks == 0) throw UsageError("how many ranks is the script for? Give -n");
  if (script.num_ranks > config.trainer.grains) {
    throw UsageError("trainer.grains = " + std::to_string(config.trainer.grains) + " cannot feed " +
                     std::to_string(script.num_ranks) + " ranks; see -n");
  }
  script.cpus_per_rank = std::max<int64_t>(1, config.parallel.threads);
  script.folder = std::filesystem::current_path().string();
  std::vector<std::string> launch = {train.front(), "launch", "-n",
                                     std::to_string(script.num_ranks)};
  if (options.min_ranks > 0)
    launch.insert(launch.end(), {"--min-ranks", std::to_string(options.min_ranks)});
  launch.insert(launch.end(), train.begin() + 1, train.end());
  return write_sbatch(sbatch, launch, train);
}

int64_t newest_step(const std::filesystem::path& checkpoints) {
  const auto found = list_checkpoints(checkpoints);
  return found.empty() ? 0 : checkpoint_step(found.back()).value_or(0);
}

/// Keeps a second supervisor out. The run's folder is made for that; if no run comes of it, it
/// goes.
class HeldRun {
 public:
  explicit HeldRun(const std::filesystem::path& folder) : folder_(folder) {
    refuse_if_held(folder_, "");
    make_folder(folder_);
    const auto warning = lock_.take(folder_);
    if (!warning.empty()) say(warning);
  }
  ~HeldRun() {
    std::error_code ignored;
    if (exists(folder_ / "resolved.yaml", ignored)) return;
    std::filesystem::remove(folder_ / ".launch.lock", ignored);
    std::filesystem::remove(folder_, ignored);  // if it is empty
  }
  HeldRun(const HeldRun&) = delete;
  HeldRun& operator=(const HeldRun&) = delete;

  const std::string& name() const { return lock_.name(); }

 private:
  const std::filesystem::path folder_;
  RunLock lock_{RunLock::Kind::supervision};
};

int launch(const LaunchOptions& options, const std::vector<std::string>& words) {
  const auto environment = read_launcher_environment();
  if (environment.has_mpi_launcher) {
    throw UsageError("nextframe launch starts mpirun itself; do not start it with mpirun or srun");
  }
  const auto train = parse_train(words);
  const auto config = train->config->load();  // a mistake is found before anything is started
  const auto folder = train->folder(config);
  auto mpirun = options.mpirun;
  mpirun.is_slurm_job = environment.is_slurm_job;
  const auto command = [train, folder] {
    auto parts = train->command(folder);
    // A fork is made once; then it is a run like others.
    const bool is_new_fork = !train->fork.empty() && !exists(folder / "resolved.yaml");
    if (is_new_fork) *std::find(parts.begin(), parts.end(), "--run") = "--fork";
    if (train->accept_new_data) parts.push_back("--accept-new-data");
    return parts;
  };
  if (!train->fork.empty() && exists(folder / "resolved.yaml")) {
    throw UsageError(train->fork +
                     " is a run already; continue it with --run, or fork into a new folder");
  }

  if (!options.sbatch.file.empty()) return write_script(options, config, command());

  const HeldRun held(folder);
  mpirun.supervisor = held.name();
  LaunchLog log(folder, say);
  MpirunJob job(mpirun, command, say);
  Supervisor supervisor(limits_of(options, config, environment), job,
                        {[folder] { return newest_step(folder / "checkpoints"); }, say,
                         [&log, folder](const LaunchEvent& event) {
                           log.append(event);
                           if (event.code == static_cast<int>(ExitCode::hang))
                             say("hang: " + HangFolder::newest_verdict(folder / "log"));
                         }});
  return supervise(supervisor, job, [&log] { log.flush(); });
}

CommandBody set_up_launch(CLI::App& app) {
  const auto options = std::make_shared<LaunchOptions>();
  app.group(kTrainingCommands);
  app.prefix_command();
  app.footer("Then 'train' and its arguments: nextframe launch -n 4 train CONFIG");
  app.add_option("-n,--ranks", options->num_ranks,
                 "number of ranks; default: Slurm's tasks, else one per slot or core")
      ->check(CLI::PositiveNumber);
  app.add_option("--hosts", options->mpirun.hosts, "host file, or a list such as node1:8,node2:8");
  app.add_flag("--oversubscribe", options->mpirun.oversubscribe, "allow more ranks than slots");
  app.add_option("--min-ranks", options->min_ranks,
                 "if hosts or slots are missing, go on with as few ranks as this")
      ->check(CLI::PositiveNumber);
  app.add_option("--max-restarts", options->limits.max_restarts,
                 "largest number of restarts in all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--grace-s", options->limits.grace_s,
                 "seconds that the ranks have for saving after a request to stop")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--lost-rank-s", options->limits.lost_rank_s,
                 "seconds after which a job that lost a rank is killed")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  add_sbatch_arguments(app, options->sbatch);
  return [options, &app] { return launch(*options, app.remaining()); };
}

}  // namespace

NF_REGISTER_COMMAND(launch, "launch", "train on many ranks, and restart by itself after a fault",
                    set_up_launch)

}  // namespace nextframe
