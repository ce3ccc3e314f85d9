#include "launch/hang/open_links.h"

#include <algorithm>
#include <chrono>

namespace nextframe {

void OpenLinks::add(const std::shared_ptr<OpenLink>& link) {
  const std::lock_guard lock(mutex_);
  links_.push_back(link);
}

LinkFault OpenLinks::fault() const {
  for (const auto& link : alive()) {
    auto fault = link->fault();
    if (!fault.communicator.empty()) return fault;
  }
  return {};
}

bool OpenLinks::abort(double limit_s) const {
  const auto limit = std::chrono::steady_clock::now() +
                     std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                         std::chrono::duration<double>(limit_s));
  std::vector<std::future<void>> ends;
  for (const auto& link : alive()) ends.push_back(link->abort());
  return std::all_of(ends.begin(), ends.end(), [&](const std::future<void>& end) {
    return end.wait_until(limit) == std::future_status::ready;
  });
}

std::vector<std::shared_ptr<OpenLink>> OpenLinks::alive() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<OpenLink>> result;
  for (const auto& one : links_) {
    if (auto link = one.lock()) result.push_back(std::move(link));
  }
  return result;
}

}  // namespace nextframe
