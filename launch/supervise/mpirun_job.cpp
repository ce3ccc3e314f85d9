#include "launch/supervise/mpirun_job.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "launch/affinity.h"
#include "launch/environment.h"
#include "launch/error.h"
#include "launch/mpi/openmpi_needs.h"
#include "launch/standard_streams.h"
#include "launch/supervise/process_tree.h"

namespace nextframe {
namespace {

constexpr auto kKillLimit = std::chrono::seconds(10);
constexpr size_t kRecentErrorBytes = 1 << 16;

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
      throw EnvironmentError(host_name() + ": no pipe: " + std::strerror(errno));
  }
  std::array<int, 2> ends{};  // read, write
};

/// Between fork and exec: system calls only.
[[noreturn]] void become(char* const* words, pid_t parent, int errors, int failure) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(errors, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // SIGUSR1 is how we ask ranks to save, whatever we ignore ourselves.
  for (const int signal : {SIGPIPE, SIGUSR1}) std::signal(signal, SIG_DFL);
  execvp(words[0], words);
  const int error = errno;
  if (write(failure, &error, sizeof(error)) < 0) _exit(126);
  _exit(127);
}

/// 0 when the program runs, else the errno of its exec.
int wait_for_exec(const Pipe& failure) {
  close(failure.ends[1]);
  int error = 0;
  const auto bytes = read(failure.ends[0], &error, sizeof(error));
  close(failure.ends[0]);
  return bytes == sizeof(error) ? error : 0;
}

}  // namespace

MpirunJob::MpirunJob(MpirunOptions options, std::function<std::vector<std::string>()> command,
                     std::function<void(const std::string&)> say)
    : options_(std::move(options)),
      command_(std::move(command)),
      say_(std::move(say)),
      spared_(descendant_ids(getpid())) {
  adopt_orphans();
}

MpirunJob::~MpirunJob() { kill(); }

void MpirunJob::start(const Placement& placement) {
  require_session_folder();
  const auto notice = slow_exchange_notice(options_, placement);
  if (!std::exchange(has_told_notice_, true) && !notice.empty()) say_(notice);
  auto words = mpirun_words(options_, placement, command_());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  for (const auto& [name, value] : mpirun_variables(options_, placement))
    setenv(name.c_str(), value.c_str(), 0);
  ranks_.clear();
  recent_error_output_.clear();

  const Pipe errors, failure;
  const pid_t parent = getpid();
  mpirun_ = fork();
  if (mpirun_ == 0) become(arguments.data(), parent, errors.ends[1], failure.ends[1]);
  close(errors.ends[1]);
  errors_ = errors.ends[0];
  fcntl(errors_, F_SETFL, O_NONBLOCK);
  const int problem = mpirun_ < 0 ? errno : wait_for_exec(failure);
  if (problem == 0) return;
  kill();
  throw EnvironmentError(host_name() + ": mpirun cannot be started: " + std::strerror(problem) +
                         "; install OpenMPI (Debian: openmpi-bin), or put its mpirun on the PATH");
}

void MpirunJob::ask_to_save() {
  if (mpirun_ > 0) ::kill(mpirun_, SIGUSR1);
}

void MpirunJob::kill() {
  const auto left = kill_descendants(spared_, kKillLimit);
  relay_errors();
  close_errors();
  mpirun_ = 0;
  if (left.empty()) return;
  std::string numbers;
  for (const pid_t process : left) numbers.append(" ").append(std::to_string(process));
  say_("these processes do not end, the kernel holds them (disk? GPU?):" + numbers);
}

bool MpirunJob::has_lost_a_rank() {
  if (mpirun_ <= 0) return false;
  for (const auto& info : descendants(mpirun_)) {
    if (info.parent == mpirun_ && runs_this_program(info.process)) ranks_.insert(info.process);
  }
  return std::any_of(ranks_.begin(), ranks_.end(), [](pid_t rank) {
    const auto info = process_info(rank);
    return !info || info->state == 'Z' || info->state == 'X' || info->state == 'T';
  });
}

bool MpirunJob::lacked_slots() const {
  return recent_error_output_.find(kNoSlotsText) != std::string::npos;
}

std::optional<int> MpirunJob::take_exit() {
  std::optional<int> code;
  int status = 0;
  for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended != mpirun_) continue;
    code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    mpirun_ = 0;
    relay_errors();
  }
  return code;
}

void MpirunJob::relay_errors() {
  std::array<char, 4096> text;
  while (errors_ >= 0) {
    const auto bytes = read(errors_, text.data(), text.size());
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (bytes <= 0) return close_errors();
    write_to_standard_error({text.data(), static_cast<size_t>(bytes)});
    recent_error_output_.append(text.data(), static_cast<size_t>(bytes));
    recent_error_output_.erase(
        0, recent_error_output_.size() - std::min(recent_error_output_.size(), kRecentErrorBytes));
  }
}

void MpirunJob::close_errors() {
  if (errors_ >= 0) close(errors_);
  errors_ = -1;
}

namespace {

bool is_local(const MpirunOptions& options, const Placement& place) {
  return options.hosts.empty() && place.hosts.empty() && !options.is_slurm_job;
}

/// Ranks of one machine that have to exchange over TCP.
bool lacks_shared_memory(const MpirunOptions& options, const Placement& place) {
  return is_local(options, place) && !is_mca_set("btl") &&
         !shared_memory_problem(place.num_ranks).empty();
}

bool exceeds_cores(int64_t num_ranks) { return num_ranks > num_available_cores(); }

}  // namespace

std::vector<std::string> mpirun_words(const MpirunOptions& options, const Placement& place,
                                      const std::vector<std::string>& command) {
  std::vector<std::string> words = {"mpirun", "-np", std::to_string(place.num_ranks)};
  for (const auto& [name, value] : {std::pair{"hwloc_base_binding_policy", "none"},
                                    {"oob_tcp_keepalive_time", "3"},
                                    {"oob_tcp_keepalive_intvl", "1"},
                                    {"oob_tcp_keepalive_probes", "5"}}) {
    if (!is_mca_set(name)) words.insert(words.end(), {"--mca", name, value});
  }
  if (!place.hosts.empty()) {
    words.insert(words.end(), {"--host", to_host_list(place.hosts)});
  } else if (!options.hosts.empty()) {
    const bool is_file = std::filesystem::is_regular_file(options.hosts);
    words.insert(words.end(), {is_file ? "--hostfile" : "--host", options.hosts});
  }
  if (options.oversubscribe || (is_local(options, place) && exceeds_cores(place.num_ranks))) {
    words.push_back("--oversubscribe");
  }
  // By env, not by -x: mpirun refuses that option beside a mca_base_env_list of the user's.
  if (!options.supervisor.empty()) {
    words.insert(words.end(), {"env", std::string(kSupervisorVariable) + "=" + options.supervisor});
  }
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::vector<std::pair<std::string, std::string>> mpirun_variables(const MpirunOptions& options,
                                                                  const Placement& place) {
  std::vector<std::pair<std::string, std::string>> variables = {{"OMP_NUM_THREADS", "1"}};
  const auto set = [&variables](const std::string& name, const char* value) {
    if (!is_mca_set(name)) variables.emplace_back("OMPI_MCA_" + name, value);
  };
  if (lacks_shared_memory(options, place)) {
    if (!is_mca_set("btl_tcp_if_exclude")) set("btl_tcp_if_include", "lo");
    set("btl", "tcp,self");
  } else if (is_local(options, place)) {
    // Shared memory only, without the system call that containers forbid.
    set("btl", "vader,self");
    set("btl_vader_single_copy_mechanism", "none");
  }
  // A waiting rank gives its core away.
  if (is_local(options, place) && exceeds_cores(place.num_ranks)) set("mpi_yield_when_idle", "1");
  if (geteuid() == 0) {
    variables.insert(variables.end(),
                     {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}});
  }
  return variables;
}

std::string slow_exchange_notice(const MpirunOptions& options, const Placement& place) {
  if (!lacks_shared_memory(options, place)) return "";
  return shared_memory_problem(place.num_ranks) +
         ": they exchange over TCP instead, slower, with the same result; docker run --shm-size "
         "gives more";
}

void require_session_folder() {
  const auto problem = session_folder_problem();
  if (!problem.empty()) throw EnvironmentError(host_name() + ": " + problem);
}

}  // namespace nextframe
