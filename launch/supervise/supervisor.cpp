#include "launch/supervise/supervisor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstring>
#include <utility>

#include "launch/supervise/host_list.h"
#include "launch/text.h"

namespace nextframe {
namespace {

// Exit codes of the program; trainer/exit_code.h explains them.
constexpr int kEnvironment = 5, kMemory = 7, kPreempted = 75, kNoProgress = 93, kInterrupted = 130;
constexpr int kKilled = 128 + SIGKILL;
// The ranks were asked before they listened, so there was nothing to save yet.
constexpr int kAskedTooEarly = 128 + SIGUSR1;
/// A restart would meet the same again, or nothing is left to do.
constexpr std::array<int, 8> kFinal = {0, 2, 3, 4, 6, kPreempted, kNoProgress, kInterrupted};

constexpr double kFirstPause_s = 0.5;   // doubled with each failure in a row
constexpr double kSameRequest_s = 0.5;  // a terminal and a script may send one request twice
constexpr double kAskAgain_s = 2;       // mpirun drops what comes before its ranks are there

std::string ranks(int64_t count) {
  return std::to_string(count) + (count == 1 ? " rank" : " ranks");
}

std::string where(int64_t step) {
  return step > 0 ? "the checkpoint of step " + std::to_string(step) : "the beginning";
}

}  // namespace

std::string describe_exit(int code) {
  std::string text = "exit code " + std::to_string(code);
  const char* signal = code > 128 ? sigabbrev_np(code - 128) : nullptr;
  if (signal != nullptr) text += std::string(" (SIG") + signal + ")";
  return text;
}

Supervisor::Supervisor(SupervisorLimits limits, SupervisedJob& job, SupervisorView view)
    : limits_(std::move(limits)),
      job_(job),
      view_(std::move(view)),
      pool_(limits_.hosts, limits_.min_ranks, limits_.pool),
      wanted_ranks_(limits_.num_ranks) {}

void Supervisor::begin(double now_s) {
  newest_step_ = view_.newest_step();
  start(now_s);
}

void Supervisor::start(double now_s) {
  const int64_t start = current_.start + 1;
  current_ = LaunchEvent();
  current_.event = "start";
  current_.start = start;
  current_.place = pool_.place(wanted_ranks_, now_s);
  current_.step = view_.newest_step();
  started_s_ = now_s;
  lost_rank_since_s_.reset();
  has_stood_still_ = false;
  if (current_.place.num_ranks < wanted_ranks_) {
    view_.say(std::to_string(current_.place.num_ranks) + " of " + ranks(wanted_ranks_) + ", on " +
              to_host_list(current_.place.hosts) + ": slower, the same result");
  }
  job_.start(current_.place);
  state_ = State::running;
  view_.note(current_);
}

void Supervisor::on_signal(int signal, double now_s) {
  if (state_ == State::done) return;
  if (state_ == State::stopping) {
    if (now_s - asked_s_ >= kSameRequest_s) {
      kill("a second signal came before they had saved", now_s);
      leave(kKilled, "ended unsaved");
    }
    return;
  }
  stop_signal_ = signal;
  asked_s_ = asked_again_s_ = now_s;
  if (state_ == State::waiting) {
    leave(
        signal == SIGINT ? kInterrupted : kPreempted,
        "asked to stop between two starts; the same command continues from " + where(newest_step_));
    return;
  }
  state_ = State::stopping;
  job_.ask_to_save();
  auto event = current_;
  event.event = "stop";
  event.step = view_.newest_step();
  view_.note(event);
  view_.say(std::string("SIG") + sigabbrev_np(signal) + ": asked " +
            ranks(current_.place.num_ranks) + " to save and end, within " +
            seconds_text(limits_.grace_s) + "; a second signal ends them at once");
}

void Supervisor::on_exit(int code, double now_s) {
  current_.code = code;
  current_.ran_s = now_s - started_s_;
  job_.kill();  // whoever mpirun left behind
  if (state_ == State::stopping) {
    after_stop(code);
  } else if (job_.lacked_slots()) {
    use_fewer_ranks(now_s);
  } else {
    after_failure(code, now_s);
  }
}

void Supervisor::on_time(double now_s) {
  if (state_ == State::waiting && now_s >= next_start_s_) start(now_s);
  if (state_ == State::running) watch_ranks(now_s);
  if (state_ != State::stopping) return;
  if (now_s - asked_s_ >= limits_.grace_s) {
    kill("they had not saved within " + seconds_text(limits_.grace_s), now_s);
    leave(kKilled, "ended unsaved");
  } else if (now_s - asked_again_s_ >= kAskAgain_s) {
    asked_again_s_ = now_s;
    job_.ask_to_save();
  }
}

/// mpirun ends a job that has lost a rank within seconds, if it is well itself.
void Supervisor::watch_ranks(double now_s) {
  if (!job_.has_lost_a_rank()) {
    lost_rank_since_s_.reset();
    return;
  }
  if (!lost_rank_since_s_) lost_rank_since_s_ = now_s;
  if (now_s - *lost_rank_since_s_ < limits_.lost_rank_s) return;
  kill("a rank ended or stood still, and mpirun did not end the job within " +
           seconds_text(limits_.lost_rank_s),
       now_s);
  has_stood_still_ = true;
  after_failure(kKilled, now_s);
}

void Supervisor::kill(const std::string& why, double now_s) {
  view_.say("killing all ranks: " + why);
  job_.kill();
  current_.code = kKilled;
  current_.ran_s = now_s - started_s_;
}

bool Supervisor::is_worth_a_restart(int code) const {
  // What did work and then failed may work again; what never worked will not.
  if (code == kEnvironment || code == kMemory) return has_committed_;
  return std::find(kFinal.begin(), kFinal.end(), code) == kFinal.end();
}

void Supervisor::after_failure(int code, double now_s) {
  const int64_t step = view_.newest_step();
  if (step > newest_step_) {
    newest_step_ = step;
    has_committed_ = true;
    restarts_without_commit_ = 0;
    pool_.clear_failures();
  }
  const std::string what = ranks(current_.place.num_ranks) + " ended with " + describe_exit(code) +
                           " after " + seconds_text(current_.ran_s);
  if (!is_worth_a_restart(code)) return leave(code, code == 0 ? "" : what + "; not started again");
  if (restarts_without_commit_ == limits_.max_restarts_without_commit) {
    return leave(kNoProgress, what + "; " + std::to_string(restarts_without_commit_) +
                                  " restarts in a row without a new checkpoint, so no more; do "
                                  "not queue it again before the cause is found");
  }
  if (restarts_ == limits_.max_restarts) {
    return leave(code, what + "; no restart is left of " + std::to_string(limits_.max_restarts));
  }
  blame_hosts(now_s);
  next_start_s_ = now_s + kFirstPause_s * std::exp2(restarts_without_commit_);
  ++restarts_;
  ++restarts_without_commit_;
  state_ = State::waiting;
  note_end("restart");
  view_.say(what + "; going on from " + where(step) + ", restart " + std::to_string(restarts_) +
            " of " + std::to_string(limits_.max_restarts));
}

/// Before the restart, so that it takes place elsewhere.
void Supervisor::blame_hosts(double now_s) {
  current_.blamed = hosts_to_blame(job_.recent_error_output(), current_.place.hosts);
  if (current_.blamed.empty() && has_stood_still_) current_.blamed = {limits_.this_host};
  const auto what = describe_exit(static_cast<int>(current_.code));
  const auto failures = std::to_string(limits_.pool.max_failures) +
                        " failures are laid to it, without a new checkpoint between them";
  for (const auto& host : current_.blamed) {
    const auto result = pool_.record_failure(host, what, now_s);
    if (result == FailureAction::excluded) {
      view_.say(host + " is left out for " + seconds_text(limits_.pool.exclude_s) + ": " +
                failures);
    } else if (result == FailureAction::required) {
      view_.say(host + " is needed for " + ranks(limits_.min_ranks) + ", though " + failures +
                "; name a spare host, or allow fewer ranks with --min-ranks");
    }
  }
}

void Supervisor::after_stop(int code) {
  const bool is_as_asked = code == kPreempted || code == kInterrupted || code == kAskedTooEarly;
  if (is_as_asked) return leave(stop_signal_ == SIGINT ? kInterrupted : kPreempted, "");
  leave(code, code == 0 ? ""
                        : "the ranks were asked to save but ended with " + describe_exit(code) +
                              "; the same command continues from " + where(view_.newest_step()));
}

void Supervisor::use_fewer_ranks(double now_s) {
  const int64_t before = current_.place.num_ranks;
  const int64_t fewer = std::max(limits_.min_ranks, before - std::max<int64_t>(1, before / 8));
  if (fewer >= before) {
    return leave(kEnvironment, "mpirun has no slots for " + ranks(before) +
                                   "; give fewer with -n, allow fewer with --min-ranks, name more "
                                   "hosts or slots with --hosts, or use --oversubscribe");
  }
  wanted_ranks_ = fewer;
  next_start_s_ = now_s;
  state_ = State::waiting;
  note_end("restart");
  view_.say("mpirun has no slots for " + ranks(before) + "; trying " + ranks(fewer) +
            ": slower, the same result");
}

void Supervisor::note_end(const std::string& next) {
  auto event = current_;
  event.event = "end";
  event.step = view_.newest_step();
  event.next = next;
  view_.note(event);
}

void Supervisor::leave(int code, const std::string& line) {
  if (is_running()) note_end("leave");
  state_ = State::done;
  exit_code_ = code;
  if (!line.empty()) view_.say(line);
}

}  // namespace nextframe
