#include "trainer/stop_requests.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <chrono>

namespace nextframe {
namespace {

constexpr double kFileCheckInterval_s = 1;  // from one look for the file to the next
constexpr double kJobMargin_s = 60;         // for the step under way, and all that is not a save

}  // namespace

StopRequests::StopRequests(const SignalWatch& signals, const StopLimits& limits, Clock now_s)
    : signals_(signals),
      limits_(limits),
      now_s_(std::move(now_s)),
      began_s_(now_s_()),
      next_check_s_(began_s_) {}

double StopRequests::steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

StopRequest StopRequests::requested() {
  const auto by_signal = signals_.requested();
  if (by_signal != StopRequest::none) {
    note(signals_.newest());
    return by_signal;
  }
  const double ran_s = now_s_() - began_s_;
  if (limits_.max_minutes > 0 && ran_s >= 60 * limits_.max_minutes) {
    note(c10::str("trainer.max_minutes = ", limits_.max_minutes));
  } else if (limits_.job_ends_in_s) {
    const double ends_s = *limits_.job_ends_in_s;
    const double margin_s = std::min(kJobMargin_s + 3 * longest_save_s_, ends_s / 2);
    if (ran_s >= ends_s - margin_s) note("the near end of the Slurm job");
  }
  if (reason_.empty() && is_file_there()) note("the file " + limits_.file.string());
  return reason_.empty() ? StopRequest::none : StopRequest::preempt;
}

bool StopRequests::is_file_there() {
  if (limits_.file.empty() || now_s_() < next_check_s_) return false;
  next_check_s_ = now_s_() + kFileCheckInterval_s;
  std::error_code unreadable;  // a folder that cannot be read asks for nothing
  return std::filesystem::exists(limits_.file, unreadable);
}

void StopRequests::note(const std::string& reason) {
  if (reason_.empty()) reason_ = reason;
}

void StopRequests::note_save_time(double seconds) {
  longest_save_s_ = std::max(longest_save_s_, seconds);
}

std::string StopRequests::reason() const { return reason_.empty() ? "another rank" : reason_; }

void StopRequests::acknowledge() {
  next_check_s_ = now_s_();
  requested();                 // another rank may have seen it first
  std::error_code unwritable;  // then the next start saves and ends at once, and says why
  std::filesystem::remove(limits_.file, unwritable);
}

StopRequest strongest_request(Communicator& world, StopRequest own) {
  auto all = at::empty({world.size()}, at::kLong);
  world.all_gather(at::full({1}, static_cast<int64_t>(own), at::kLong), all).wait();
  return static_cast<StopRequest>(all.max().item<int64_t>());
}

}  // namespace nextframe
