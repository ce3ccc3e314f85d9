#include "launch/hang/flight_log.h"

#include <algorithm>

namespace nextframe {

std::shared_ptr<FlightRecorder> FlightLog::open(const std::string& name, int64_t num_ranks) {
  constexpr int64_t kCapacity = 2048;
  const std::lock_guard lock(mutex_);
  const auto before = std::count(names_.begin(), names_.end(), name);
  names_.push_back(name);
  const auto full_name = before == 0 ? name : name + " " + std::to_string(before + 1);
  auto recorder = std::make_shared<FlightRecorder>(full_name, kCapacity, step_, num_ranks);
  opened_.push_back(recorder);
  return recorder;
}

std::vector<std::shared_ptr<FlightRecorder>> FlightLog::recorders() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<FlightRecorder>> alive;
  for (const auto& one : opened_) {
    if (auto recorder = one.lock()) alive.push_back(std::move(recorder));
  }
  return alive;
}

std::vector<std::shared_ptr<FlightRecorder>> FlightLog::find_all(const std::string& prefix) const {
  auto found = recorders();
  std::erase_if(found, [&](const auto& recorder) { return !recorder->name().starts_with(prefix); });
  return found;
}

std::shared_ptr<FlightRecorder> FlightLog::find(const std::string& name) const {
  for (const auto& recorder : recorders()) {
    if (recorder->name() == name) return recorder;
  }
  return nullptr;
}

}  // namespace nextframe
