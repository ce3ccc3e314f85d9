// The decisions about a supervised job: when to start it, ask it to save, kill it and restart it.
// Owns no process and no clock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launch/host_pool.h"

namespace nextframe {

/// The supervised job: mpirun and everything below it.
class SupervisedJob {
 public:
  virtual ~SupervisedJob() = default;
  virtual void start(const Placement& placement) = 0;
  /// Asks every rank to save and exit.
  virtual void ask_to_save() = 0;
  /// Kills every process of the job; afterwards none is left.
  virtual void kill() = 0;
  /// Whether a rank of this host has ended, or was stopped by SIGSTOP, while mpirun goes on.
  virtual bool has_lost_a_rank() = 0;
  /// Whether the job that just ended never began, because there are fewer slots than ranks.
  virtual bool lacked_slots() const = 0;
  /// The end of what mpirun and the ranks of this start wrote to standard error.
  virtual std::string recent_error_output() const = 0;
};

struct SupervisorLimits {
  int64_t num_ranks = 1;
  int64_t min_ranks = 1;  // never restart with fewer
  int64_t max_restarts = 100;
  int64_t max_restarts_without_commit = 3;  // after which the exit code is 93
  double grace_s = 100;                     // for saving, once asked
  double lost_rank_s = 30;                  // how long a job may go on without one of its ranks
  std::vector<Host> hosts{};                // none: mpirun knows them
  HostPoolLimits pool{};
  std::string this_host{};
};

/// A line of launch.jsonl.
struct LaunchEvent {
  std::string event;  // start | stop | end
  int64_t start = 0;  // counts the starts of the job
  Placement place{};
  int64_t step = 0;                 // of the newest committed checkpoint, 0 if there is none
  int64_t code = -1;                // end: the exit code
  double ran_s = 0;                 // end: since the start
  std::vector<std::string> blamed;  // end: the hosts that caused it
  std::string next;                 // end: "restart" or "leave"
};

struct SupervisorView {
  std::function<int64_t()> newest_step;  // of the newest committed checkpoint, 0 if there is none
  std::function<void(const std::string&)> say;
  std::function<void(const LaunchEvent&)> note;
};

/// Times are seconds of any monotonic clock.
class Supervisor {
 public:
  Supervisor(SupervisorLimits limits, SupervisedJob& job, SupervisorView view);

  void begin(double now_s);
  /// One of kStopSignals: the first asks the job to save, a second one kills it.
  void on_signal(int signal, double now_s);
  /// mpirun has ended: its exit code, or 128 + the signal that killed it.
  void on_exit(int code, double now_s);
  /// Call it regularly: does whatever is due.
  void on_time(double now_s);

  bool is_running() const { return state_ == State::running || state_ == State::stopping; }
  /// Set once the supervisor is done.
  std::optional<int> exit_code() const { return exit_code_; }

 private:
  enum class State { waiting, running, stopping, done };

  void start(double now_s);
  void watch_ranks(double now_s);
  void kill(const std::string& why, double now_s);
  void after_failure(int code, double now_s);
  void blame_hosts(double now_s);
  void after_stop(int code);
  void use_fewer_ranks(double now_s);
  void leave(int code, const std::string& line);
  bool is_worth_a_restart(int code) const;
  void note_end(const std::string& next);

  const SupervisorLimits limits_;
  SupervisedJob& job_;
  const SupervisorView view_;
  State state_ = State::waiting;
  std::optional<int> exit_code_;
  HostPool pool_;
  int64_t wanted_ranks_;
  LaunchEvent current_;   // the current or last start
  int64_t restarts_ = 0;  // all of them
  int64_t restarts_without_commit_ = 0;
  bool has_committed_ = false;  // under this supervisor
  int64_t newest_step_ = 0;
  double started_s_ = 0;
  double next_start_s_ = 0;
  std::optional<double> lost_rank_since_s_;
  bool has_stood_still_ = false;  // a rank of this host was stopped
  int stop_signal_ = 0;
  double asked_s_ = 0, asked_again_s_ = 0;
};

/// "exit code 137 (SIGKILL)".
std::string describe_exit(int code);

}  // namespace nextframe
