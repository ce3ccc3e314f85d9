// A running mpirun: started in its own process group, watched, and killed with everything that it
// started.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "launch/host_pool.h"
#include "launch/supervise/supervisor.h"

namespace nextframe {

struct MpirunOptions {
  std::string hosts{};         // a host file, or a list as mpirun reads it; "" is this machine.
                               // Asked only where a placement names no hosts
  bool oversubscribe = false;  // more ranks than slots, on hosts or in a Slurm job
  bool is_slurm_job = false;   // mpirun takes hosts and slots from Slurm
  std::string supervisor{};    // who starts it, which the ranks are told; "" is nobody
};

/// The mpirun command that starts `command` on every rank of `place`. It sets the daemons'
/// timeouts: they notice a cut network within 5 to 8 s and tolerate 4 s; by default they would
/// wait for minutes. MCA parameters that the user has set are left out.
std::vector<std::string> mpirun_words(const MpirunOptions& options, const Placement& place,
                                      const std::vector<std::string>& command);

/// Environment variables for mpirun and the ranks, unless they are set already.
std::vector<std::pair<std::string, std::string>> mpirun_variables(const MpirunOptions& options,
                                                                  const Placement& place);

/// A sentence where ranks of this machine exchange over TCP, because /dev/shm is too small; else
/// "".
std::string slow_exchange_notice(const MpirunOptions& options, const Placement& place);

/// Throws EnvironmentError, with the remedy, where mpirun could not even start.
void require_session_folder();

/// What any version of mpirun prints when it has fewer slots than ranks.
inline constexpr char kNoSlotsText[] = "not enough slots available";

/// Only one may exist in a process. mpirun gets only SIGUSR1 and SIGKILL: a terminal's Ctrl-C
/// does not reach it, and it gets SIGTERM only if this process is killed, so that no rank
/// outlives it.
class MpirunJob : public SupervisedJob {
 public:
  /// `command` is called for each start.
  MpirunJob(MpirunOptions options, std::function<std::vector<std::string>()> command,
            std::function<void(const std::string&)> say);
  ~MpirunJob() override;
  MpirunJob(const MpirunJob&) = delete;
  MpirunJob& operator=(const MpirunJob&) = delete;

  /// Throws EnvironmentError if there is no mpirun.
  void start(const Placement& placement) override;
  void ask_to_save() override;
  void kill() override;
  bool has_lost_a_rank() override;
  bool lacked_slots() const override;
  std::string recent_error_output() const override { return recent_error_output_; }

  /// Reaps ended processes. If mpirun was among them, returns its exit code (or 128 + signal) once.
  std::optional<int> take_exit();

  /// The descriptor of mpirun's standard error, for poll(); -1 once it is closed.
  int errors() const { return errors_; }
  /// Forwards what has arrived there, without waiting.
  void relay_errors();

 private:
  void close_errors();

  const MpirunOptions options_;
  const std::function<std::vector<std::string>()> command_;
  const std::function<void(const std::string&)> say_;
  const std::set<pid_t> spared_;  // children from before: a shell may have become this program
  bool has_told_notice_ = false;
  pid_t mpirun_ = 0;  // 0 when none runs
  int errors_ = -1;
  std::string recent_error_output_;
  std::set<pid_t> ranks_;  // of this host
};

}  // namespace nextframe
