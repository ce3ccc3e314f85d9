#include "launch/hang/desync.h"

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/hang/hang_analysis.h"
#include "launch/rank_agreement.h"

namespace nextframe {

bool do_calls_agree(const std::vector<CallsDigest>& by_rank) {
  constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;
  uint64_t balance = 0;
  for (const auto& digest : by_rank) {
    if (digest.order != by_rank.front().order) return false;
    balance += digest.balance;
  }
  return (balance & kMask) == 0;
}

/// Groups differ by rank, their calls do not: parts of an exchange cancel out within each group.
CallsDigest join_digests(const std::vector<std::shared_ptr<FlightRecorder>>& recorders) {
  constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;
  CallsDigest joined;
  for (const auto& recorder : recorders) {
    const auto one = recorder->digest();
    joined.order = (joined.order * 0x100000001b3 + one.order) & kMask;
    joined.balance = (joined.balance + one.balance) & kMask;
  }
  return joined;
}

void throw_desync(Communicator& control,
                  const std::vector<std::shared_ptr<FlightRecorder>>& recorders) {
  constexpr int64_t kCompared = 512;
  RankReport mine;
  mine.rank = control.rank();
  mine.size = control.size();
  mine.host = host_name();
  mine.is_dump = true;
  for (const auto& recorder : recorders) {
    mine.communicators.push_back({recorder->name(), recorder->entered(),
                                  recorder->newest(kCompared), recorder->num_ranks()});
  }
  std::vector<RankReport> reports;
  for (const auto& text : gather_strings(control, to_json(mine)))
    reports.push_back(parse_rank_report(text));
  auto text = find_different_calls(reports).text;
  if (text.empty()) {
    text = "in none of the last " + std::to_string(kCompared) + " of '" +
           (recorders.empty() ? "" : recorders.front()->name()) + "', so before that";
  }
  throw EnvironmentError("the ranks no longer call the same collectives: " + text +
                         ". Nothing of this step was used; start again from the last checkpoint");
}

}  // namespace nextframe
