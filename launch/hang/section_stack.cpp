#include "launch/hang/section_stack.h"

#include <algorithm>

namespace nextframe {

SectionStack::SectionStack(HangLimits limits, double now_s)
    : limits_(limits), open_{{Kind::pause, "setup", now_s}} {}

void SectionStack::enter_step(int64_t number, double now_s) {
  open_.front().name = "between steps";
  step_ = number;
  open_.push_back({Kind::step, "step", now_s, others_may_pause_});
}

void SectionStack::enter_pause(const std::string& name, double now_s) {
  open_.push_back({Kind::pause, name, now_s});
}

void SectionStack::enter_part(const std::string& name, double now_s) {
  open_.push_back({Kind::part, name, now_s});
}

void SectionStack::enter_sync_point(double now_s) {
  open_.push_back({Kind::sync_point, "wait", now_s});
}

void SectionStack::leave(double now_s) {
  const Open left = open_.back();
  open_.pop_back();
  const double took_s = now_s - left.entered_s;
  if (left.kind == Kind::pause) others_may_pause_ = true;
  if (left.kind == Kind::pause || (left.kind == Kind::sync_point && others_may_pause_)) {
    for (auto& outer : open_) outer.paused_s += took_s;
  }
  if (left.kind == Kind::sync_point) others_may_pause_ = false;
  if (left.kind == Kind::step && !left.has_grace) limits_.note_step(took_s - left.paused_s);
  if (open_.size() == 1) open_.front() = {Kind::pause, open_.front().name, now_s};
}

void SectionStack::show_life(double now_s) {
  auto limited = open_.rbegin();
  while (limited->kind == Kind::part || limited->kind == Kind::sync_point) ++limited;
  if (limited->kind != Kind::pause) return;
  limited->alive_s = now_s;
  limited->paused_s = 0;
}

std::optional<SectionTimeout> SectionStack::expired(double now_s) const {
  auto limited = open_.rbegin();
  while (limited->kind == Kind::part || limited->kind == Kind::sync_point) ++limited;
  double limit_s = limits_.pause_s();
  if (limited->kind == Kind::step)
    limit_s = limits_.step_s() + (limited->has_grace && others_may_pause_ ? limit_s : 0);
  const double took_s = now_s - std::max(limited->entered_s, limited->alive_s) - limited->paused_s;
  if (took_s <= limit_s) return std::nullopt;
  return SectionTimeout{section(), step_, took_s, limit_s};
}

}  // namespace nextframe
