#include "launch/hang/hang_analysis.h"

#include <algorithm>
#include <set>

#include "launch/text.h"

namespace nextframe {
namespace {

bool is_open(const CollectiveRecord& record) {
  return record.state == CollectiveState::queued || record.state == CollectiveState::running;
}

/// A collective that some ranks have begun and not ended.
struct Stuck {
  std::string communicator;
  CollectiveRecord record;       // of one that waits in it
  std::vector<int64_t> waiting;  // ranks
  std::vector<int64_t> absent;   // ranks that have never entered it, as far as is known
  int64_t num_ranks = 0;         // of the communicator; 0: all of the job
};

/// The earliest one that is open anywhere, of each communicator.
std::vector<Stuck> find_stuck(const std::vector<RankReport>& reports) {
  std::vector<Stuck> all;
  std::set<std::string> names;
  for (const auto& report : reports) {
    for (const auto& communicator : report.communicators) names.insert(communicator.name);
  }
  for (const auto& name : names) {
    Stuck stuck{name, {}, {}, {}, 0};
    const auto for_each = [&](const auto& visit) {
      for (const auto& report : reports) {
        for (const auto& one : report.communicators) {
          if (one.name == name) visit(report, one);
        }
      }
    };
    // A heartbeat is older than the hang: what was open then may have ended since.
    for_each([&](const RankReport& report, const CommunicatorReport& one) {
      if (!report.is_dump) return;
      const auto open = std::find_if(one.collectives.begin(), one.collectives.end(), is_open);
      if (open == one.collectives.end()) return;
      const int64_t earliest = stuck.record.sequence;
      if (earliest < 0 || open->sequence < earliest) stuck.record = *open;
    });
    if (stuck.record.sequence < 0) continue;
    for_each([&](const RankReport& report, const CommunicatorReport& one) {
      stuck.num_ranks = one.num_ranks;
      if (one.entered <= stuck.record.sequence) return stuck.absent.push_back(report.rank);
      for (const auto& record : one.collectives) {
        if (record.sequence == stuck.record.sequence && is_open(record) && report.is_dump)
          stuck.waiting.push_back(report.rank);
      }
    });
    all.push_back(std::move(stuck));
  }
  return all;
}

const RankReport* find(const std::vector<RankReport>& reports, int64_t rank) {
  for (const auto& report : reports) {
    if (report.rank == rank) return &report;
  }
  return nullptr;
}

std::string last_seen(const RankReport& report) {
  return "in " + report.section + ", step " + std::to_string(report.step) + ", at " +
         time_of_day(report.time_s);
}

std::string waited_for(const Stuck& stuck) {
  return collective_name(stuck.record) + " (" + stuck.communicator + ", step " +
         std::to_string(stuck.record.step) + ")";
}

std::string ranks_text(const std::vector<int64_t>& ranks) {
  constexpr size_t kMost = 8;
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size() && i < kMost; ++i)
    text += (i > 0 ? ", " : "") + std::to_string(ranks[i]);
  return ranks.size() > kMost ? text + " and " + std::to_string(ranks.size() - kMost) + " more"
                              : text;
}

/// Ranks without a dump, although others have one and had time to wait for it.
std::vector<int64_t> silent_ranks(const std::vector<RankReport>& reports, int64_t size) {
  constexpr double kSilent_s = 1.5;  // some heartbeats
  double newest_s = 0;
  for (const auto& report : reports) {
    if (report.is_dump) newest_s = std::max(newest_s, report.time_s);
  }
  std::vector<int64_t> silent;
  for (int64_t rank = 0; rank < size; ++rank) {
    const auto* report = find(reports, rank);
    if (report == nullptr || (!report->is_dump && newest_s - report->time_s > kSilent_s))
      silent.push_back(rank);
  }
  return silent;
}

HangVerdict blame_silence(const std::vector<RankReport>& reports, std::vector<int64_t> silent,
                          const std::vector<Stuck>& stuck) {
  HangVerdict verdict{HangCause::silent_rank, std::move(silent), "", -1, ""};
  const int64_t rank = verdict.ranks.front();
  const auto* report = find(reports, rank);
  verdict.text = report == nullptr
                     ? "rank " + std::to_string(rank) + " has left no sign of life in this start"
                     : rank_name(*report) + " fell silent: last seen " + last_seen(*report);
  for (const auto& one : stuck) {
    if (one.waiting.empty()) continue;
    verdict.communicator = one.communicator;
    verdict.sequence = one.record.sequence;
    const bool never_entered =
        std::find(one.absent.begin(), one.absent.end(), rank) != one.absent.end();
    verdict.text += std::string(never_entered ? ", before it entered " : "; not finished is ") +
                    waited_for(one) + ", in which " + ranks_text(one.waiting) +
                    (one.waiting.size() == 1 ? " waits" : " wait");
    break;
  }
  verdict.text += "; a stopped process, or a host or disk that is gone";
  if (verdict.ranks.size() > 1) {
    verdict.text += "; silent too: " + ranks_text({verdict.ranks.begin() + 1, verdict.ranks.end()});
  }
  return verdict;
}

/// Of the ranks that others wait for, those that wait for nobody themselves.
HangVerdict blame_absence(const std::vector<RankReport>& reports, const std::vector<Stuck>& stuck) {
  std::set<int64_t> waiting;
  for (const auto& one : stuck) {
    if (!one.absent.empty()) waiting.insert(one.waiting.begin(), one.waiting.end());
  }
  HangVerdict verdict;
  const Stuck* cause = nullptr;
  for (const bool also_waiting : {false, true}) {
    for (const auto& one : stuck) {
      for (const int64_t rank : one.absent) {
        if (one.waiting.empty() || (!also_waiting && waiting.contains(rank))) continue;
        if (cause == nullptr) cause = &one;
        if (cause == &one) verdict.ranks.push_back(rank);
      }
    }
    if (cause != nullptr) break;
  }
  if (cause == nullptr) return {};
  verdict.cause = HangCause::absent_rank;
  verdict.communicator = cause->communicator;
  verdict.sequence = cause->record.sequence;
  const auto& culprit = *find(reports, verdict.ranks.front());
  verdict.text = rank_name(culprit) + " never entered " + waited_for(*cause) + ", in which " +
                 ranks_text(cause->waiting) + (cause->waiting.size() == 1 ? " waits" : " wait") +
                 "; last seen " + last_seen(culprit) + ", there for " +
                 seconds_text(culprit.section_s);
  if (verdict.ranks.size() > 1)
    verdict.text += "; absent too: " + ranks_text({verdict.ranks.begin() + 1, verdict.ranks.end()});
  return verdict;
}

HangVerdict blame_nobody(const std::vector<RankReport>& reports, const std::vector<Stuck>& stuck) {
  for (const auto& one : stuck) {
    if (one.waiting.empty()) continue;
    const size_t num_ranks =
        one.num_ranks > 0 ? static_cast<size_t>(one.num_ranks) : reports.size();
    const bool is_partial = one.waiting.size() < num_ranks;
    return {HangCause::nobody_done, one.waiting, one.communicator, one.record.sequence,
            (one.num_ranks > 0 ? "all ranks of it entered " : "all ranks entered ") +
                waited_for(one) + ", and " +
                (is_partial ? ranks_text(one.waiting) + " did not get out" : "none completed it") +
                ": network or device"};
  }
  const auto longest = std::max_element(
      reports.begin(), reports.end(),
      [](const RankReport& a, const RankReport& b) { return a.section_s < b.section_s; });
  if (longest == reports.end()) return {HangCause::nothing, {}, "", -1, "no rank left a report"};
  return {HangCause::nothing,
          {longest->rank},
          "",
          -1,
          rank_name(*longest) + " was " + last_seen(*longest) + ", there for " +
              seconds_text(longest->section_s) + ", and no rank waits in a collective"};
}

/// Of the ranks whose communicator has failed, the first one whose error is its own: the others
/// only know that somebody has gone.
HangVerdict blame_link(const std::vector<RankReport>& reports) {
  const RankReport* first = nullptr;
  std::vector<int64_t> others;
  for (const auto& report : reports) {
    if (report.fault.communicator.empty()) continue;
    if (first == nullptr || (first->fault.is_peer_failure && !report.fault.is_peer_failure))
      first = &report;
  }
  if (first == nullptr) return {};
  for (const auto& report : reports) {
    if (&report != first && !report.fault.communicator.empty()) others.push_back(report.rank);
  }
  HangVerdict verdict{HangCause::link_failed,
                      {first->rank},
                      first->fault.communicator,
                      -1,
                      rank_name(*first) + ": communicator " + first->fault.communicator +
                          " failed in step " + std::to_string(first->step) + ", " +
                          first->fault.text};
  if (!others.empty()) verdict.text += "; failed too on " + ranks_text(others);
  return verdict;
}

}  // namespace

HangVerdict explain_hang(const std::vector<RankReport>& reports, int64_t size) {
  if (auto found = find_different_calls(reports); found.cause != HangCause::nothing) return found;
  const auto stuck = find_stuck(reports);
  const bool has_dumps = std::any_of(reports.begin(), reports.end(),
                                     [](const RankReport& report) { return report.is_dump; });
  if (has_dumps) {
    auto silent = silent_ranks(reports, size);
    const auto failed = blame_link(reports);
    if (!silent.empty()) {
      auto verdict = blame_silence(reports, std::move(silent), stuck);
      if (failed.cause != HangCause::nothing) verdict.text += "; " + failed.text;
      return verdict;
    }
    if (failed.cause != HangCause::nothing) return failed;
  }
  auto verdict = blame_absence(reports, stuck);
  return verdict.cause != HangCause::nothing ? verdict : blame_nobody(reports, stuck);
}

const char* cause_name(HangCause cause) {
  switch (cause) {
    case HangCause::nothing:
      return "nothing";
    case HangCause::different_calls:
      return "different_calls";
    case HangCause::silent_rank:
      return "silent_rank";
    case HangCause::absent_rank:
      return "absent_rank";
    case HangCause::link_failed:
      return "link_failed";
    case HangCause::nobody_done:
      return "nobody_done";
  }
  return "unknown";
}

}  // namespace nextframe
