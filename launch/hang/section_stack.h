// This file is where a rank stands, and whether it has stood there for too long. It owns no clock
// and no thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launch/hang/hang_limits.h"

namespace nextframe {

struct SectionTimeout {
  std::string section;  // innermost
  int64_t step = 0;
  double took_s = 0;  // in the section whose limit it is
  double limit_s = 0;
};

/// Sections lie within each other. A step and a pause have limits of their own; a part of them only
/// says where a rank is. While a pause lasts the clock of the step around it stands still. The
/// others may wait for what one rank does in a pause until all meet in the step after it: until
/// then the pause's limit is added to the step's. Between sections the limit of a pause holds.
/// Times are seconds of one clock.
class SectionStack {
 public:
  SectionStack(HangLimits limits, double now_s);

  void enter_step(int64_t number, double now_s);
  void enter_pause(const std::string& name, double now_s);
  void enter_part(const std::string& name, double now_s);
  /// A part in which this rank waits for all others, once a step.
  void enter_sync_point(double now_s);
  /// The innermost one.
  void leave(double now_s);

  /// Set when the rank has been too long where it is.
  std::optional<SectionTimeout> expired(double now_s) const;

  int64_t step() const { return step_; }
  const std::string& section() const { return open_.back().name; }
  double section_s(double now_s) const { return now_s - open_.back().entered_s; }

 private:
  enum class Kind { step, pause, part, sync_point };
  struct Open {
    Kind kind;
    std::string name;
    double entered_s;
    bool has_grace = false;  // a step that others may enter later, by a pause
    double paused_s = 0;     // of the time since then
  };
  HangLimits limits_;
  std::vector<Open> open_;  // the first is what lies between all others
  int64_t step_ = 0;
  bool others_may_pause_ = false;  // there was a pause since the last sync point
};

}  // namespace nextframe
