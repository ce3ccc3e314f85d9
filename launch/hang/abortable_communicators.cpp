#include "launch/hang/abortable_communicators.h"

#include <algorithm>
#include <chrono>

namespace nextframe {

void AbortableCommunicators::add(const std::shared_ptr<AbortableCommunicator>& link) {
  const std::lock_guard lock(mutex_);
  abortables_.push_back(link);
}

CommunicatorFault AbortableCommunicators::fault() const {
  for (const auto& link : alive()) {
    auto fault = link->fault();
    if (!fault.communicator.empty()) return fault;
  }
  return {};
}

bool AbortableCommunicators::abort(double limit_s) const {
  const auto limit = std::chrono::steady_clock::now() +
                     std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                         std::chrono::duration<double>(limit_s));
  std::vector<std::future<void>> ends;
  for (const auto& link : alive()) ends.push_back(link->abort());
  return std::all_of(ends.begin(), ends.end(), [&](const std::future<void>& end) {
    return end.wait_until(limit) == std::future_status::ready;
  });
}

std::vector<std::shared_ptr<AbortableCommunicator>> AbortableCommunicators::alive() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<AbortableCommunicator>> result;
  for (const auto& one : abortables_) {
    if (auto link = one.lock()) result.push_back(std::move(link));
  }
  return result;
}

}  // namespace nextframe
