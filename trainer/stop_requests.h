// All ways to ask a run to save and stop: a signal, a file in its folder, a time limit.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "launch/communicator.h"
#include "launch/signals.h"

namespace nextframe {

struct StopLimits {
  std::filesystem::path file{};           // is there: save and end
  double max_minutes = 0;                 // of this start; 0: no limit
  std::optional<double> job_ends_in_s{};  // the scheduler kills everything then
};

/// What this rank knows; the strongest request of any rank is everybody's. Once asked, always
/// asked. For one thread.
class StopRequests {
 public:
  using Clock = std::function<double()>;  // seconds; never goes back

  /// `signals` outlives it. Time counts from here.
  StopRequests(const SignalWatch& signals, const StopLimits& limits, Clock now_s = steady_s);

  /// Cheap enough for every step and every wait: the file is looked for once a second.
  StopRequest requested();

  /// A save took so long. The job's end is met by a minute and three times the longest of them, but
  /// at least half of the job's time is used.
  void note_save_time(double seconds);

  /// "a signal", "the file runs/mine/STOP", ...; "another rank" when this one was
  /// not asked.
  std::string reason() const;

  /// The request has been obeyed: removes the file, so that the next start goes on.
  void acknowledge();

 private:
  static double steady_s();
  bool is_file_there();
  void note(const std::string& reason);

  const SignalWatch& signals_;
  const StopLimits limits_;
  const Clock now_s_;
  const double began_s_;
  double longest_save_s_ = 0;
  double next_check_s_ = 0;
  std::string reason_;
};

/// The strongest request of any rank. Collective.
StopRequest strongest_request(Communicator& world, StopRequest own);

}  // namespace nextframe
