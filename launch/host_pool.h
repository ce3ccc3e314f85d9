// Picks the hosts for the next start of a job: uses spares, and excludes hosts for a while after
// they failed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/supervise/host_list.h"

namespace nextframe {

struct ExcludedHost {
  std::string name;
  std::string why;
  double remaining_s = 0;
};

/// The hosts that a start uses.
struct Placement {
  int64_t num_ranks = 0;
  std::vector<Host> hosts{};  // empty: mpirun knows the hosts
  std::vector<ExcludedHost> left_out{};
};

struct HostPoolLimits {
  int64_t max_failures = 2;  // without a checkpoint in between, before the host is excluded
  double exclude_s = 600;
  bool oversubscribe = false;  // more ranks than slots are allowed
};

enum class FailureAction { recorded, excluded, required };

/// Times are seconds of any monotonic clock.
class HostPool {
 public:
  /// A job needs at least `min_ranks` ranks: a host that is needed for those is never excluded.
  HostPool(std::vector<Host> hosts, int64_t min_ranks, HostPoolLimits limits);

  /// Counts a failure against a host. `required`: it should be excluded, but the job needs it.
  FailureAction record_failure(const std::string& name, const std::string& why, double now_s);
  /// After a new checkpoint: hosts that failed before have worked since.
  void clear_failures();
  /// The first hosts that have room for `wanted` ranks, or all hosts and fewer ranks.
  Placement place(int64_t wanted, double now_s) const;

 private:
  struct Record {
    int64_t failures = 0;
    std::string why;
    double excluded_until_s = 0;
  };
  bool is_excluded(size_t host, double now_s) const {
    return now_s < records_[host].excluded_until_s;
  }
  bool is_needed(size_t host, double now_s) const;

  const std::vector<Host> hosts_;
  const int64_t min_ranks_;
  const HostPoolLimits limits_;
  std::vector<Record> records_;  // one a host
};

}  // namespace nextframe
