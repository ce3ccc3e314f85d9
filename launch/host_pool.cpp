#include "launch/host_pool.h"

#include <algorithm>
#include <utility>

namespace nextframe {

HostPool::HostPool(std::vector<Host> hosts, int64_t min_ranks, HostPoolLimits limits)
    : hosts_(std::move(hosts)),
      min_ranks_(std::max<int64_t>(1, min_ranks)),
      limits_(limits),
      records_(hosts_.size()) {}

bool HostPool::is_needed(size_t host, double now_s) const {
  int64_t slots = 0;
  for (size_t i = 0; i < hosts_.size(); ++i) {
    if (i != host && !is_excluded(i, now_s)) slots += hosts_[i].slots;
  }
  return slots < (limits_.oversubscribe ? 1 : min_ranks_);
}

FailureAction HostPool::record_failure(const std::string& name, const std::string& why,
                                       double now_s) {
  for (size_t i = 0; i < hosts_.size(); ++i) {
    if (!is_same_host(hosts_[i].name, name)) continue;
    auto& record = records_[i];
    record.why = why;
    if (++record.failures < limits_.max_failures) return FailureAction::recorded;
    record.failures = 0;
    if (is_needed(i, now_s)) return FailureAction::required;
    record.excluded_until_s = now_s + limits_.exclude_s;
    return FailureAction::excluded;
  }
  return FailureAction::recorded;
}

void HostPool::clear_failures() {
  for (auto& record : records_) record.failures = 0;
}

Placement HostPool::place(int64_t wanted, double now_s) const {
  Placement placement;
  placement.num_ranks = wanted;
  if (hosts_.empty()) return placement;
  int64_t slots = 0;
  for (size_t i = 0; i < hosts_.size(); ++i) {
    if (is_excluded(i, now_s)) {
      placement.left_out.push_back(
          {hosts_[i].name, records_[i].why, records_[i].excluded_until_s - now_s});
    } else if (slots < wanted) {
      placement.hosts.push_back(hosts_[i]);
      slots += hosts_[i].slots;
    }
  }
  // Fewer than the least are for mpirun to refuse.
  if (!limits_.oversubscribe) placement.num_ranks = std::max(min_ranks_, std::min(wanted, slots));
  return placement;
}

}  // namespace nextframe
