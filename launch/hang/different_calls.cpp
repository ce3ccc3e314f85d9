#include <algorithm>
#include <map>
#include <optional>

#include "launch/hang/hang_analysis.h"

namespace nextframe {
namespace {

/// One collective as each rank called it.
struct Calls {
  std::vector<const RankReport*> ranks;
  std::vector<const CollectiveRecord*> records;
};

const CommunicatorReport* find(const RankReport& report, const std::string& name) {
  for (const auto& one : report.communicators) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

const CollectiveRecord* find(const CommunicatorReport& report, int64_t sequence) {
  if (report.collectives.empty()) return nullptr;
  const int64_t index = sequence - report.collectives.front().sequence;
  if (index < 0 || index >= static_cast<int64_t>(report.collectives.size())) return nullptr;
  return &report.collectives[static_cast<size_t>(index)];
}

std::string what(const CollectiveRecord& record) {
  return record.call.name + "|" + record.call.dtype + "|" + record.purpose;
}

std::string describe(const CollectiveRecord& record) {
  return record.call.name + " of " + std::to_string(record.call.bytes) + " bytes" +
         (record.purpose.empty() ? "" : " (" + record.purpose + ")");
}

/// "rank 1 on node07 put in 4096 bytes, the others 8192": those with the rarest value against one
/// of the most frequent. Ties are rank 0's.
template <class Value>
HangVerdict contrast(const Calls& calls, const std::vector<Value>& values,
                     const std::vector<std::string>& words) {
  std::map<Value, int64_t> counts;
  for (const auto& value : values) ++counts[value];
  auto usual = values.front();
  for (const auto& [value, count] : counts) {
    if (count > counts[usual]) usual = value;
  }
  HangVerdict verdict;
  std::string others;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == usual) {
      if (others.empty()) others = words[i];
      continue;
    }
    verdict.ranks.push_back(calls.ranks[i]->rank);
    verdict.text += rank_name(*calls.ranks[i]) + " " + words[i] + ", ";
  }
  const auto num_usual = static_cast<int64_t>(values.size() - verdict.ranks.size());
  verdict.text += (num_usual == 1 ? rank_name(*calls.ranks.front()) + " " : "the others ") + others;
  return verdict;
}

/// `num_ranks`: that the communicator has.
std::optional<HangVerdict> compare(const Calls& calls, int64_t num_ranks) {
  const auto& first = *calls.records.front();
  std::vector<std::string> kinds, said;
  std::vector<int64_t> sizes, got;
  uint64_t balance = 0;
  for (const auto* record : calls.records) {
    kinds.push_back(what(*record));
    sizes.push_back(record->call.bytes);
    got.push_back(record->call.out_bytes);
    balance += record->call.balance;
    said.push_back("called " + describe(*record));
  }
  const auto differ = [](const auto& values) {
    return std::any_of(values.begin(), values.end(),
                       [&](const auto& value) { return value != values.front(); });
  };
  if (differ(kinds)) {
    auto verdict = contrast(calls, kinds, said);
    verdict.text = "other order: " + verdict.text;
    return verdict;
  }
  const bool is_exchange = first.call.out_bytes != 0 || first.call.balance != 0;
  if (!is_exchange && differ(sizes)) {
    for (size_t i = 0; i < sizes.size(); ++i)
      said[i] = "put in " + std::to_string(sizes[i]) + " bytes";
    auto verdict = contrast(calls, sizes, said);
    verdict.text = "sizes differ: " + verdict.text;
    return verdict;
  }
  // Parts can only be weighed against each other when all of them are there.
  const bool is_everybody = static_cast<int64_t>(calls.ranks.size()) == num_ranks;
  if (!is_exchange || !is_everybody || balance == 0) return std::nullopt;
  for (size_t i = 0; i < sizes.size(); ++i) {
    said[i] = "put in " + std::to_string(sizes[i]) + " bytes and expects " + std::to_string(got[i]);
  }
  HangVerdict verdict;
  if (first.call.name == "all_to_all" && differ(got)) {
    verdict = contrast(calls, got, said);  // all get the same in all that we do
  } else {                                 // parcels differ by nature: nobody can be singled out
    constexpr size_t kQuoted = 8;
    for (size_t i = 0; i < std::min(kQuoted, said.size()); ++i)
      verdict.text += (i > 0 ? ", " : "") + rank_name(*calls.ranks[i]) + " " + said[i];
  }
  verdict.text = "sizes do not fit: " + verdict.text;
  return verdict;
}

/// The earliest difference on one communicator.
std::optional<HangVerdict> compare(const std::vector<const RankReport*>& dumps,
                                   const std::string& name) {
  int64_t begin = 0, end = -1, num_ranks = dumps.front()->size;
  for (const auto* dump : dumps) {
    const auto* one = find(*dump, name);
    if (one == nullptr || one->collectives.empty()) continue;
    if (one->num_ranks > 0) num_ranks = one->num_ranks;
    begin = std::max(begin, one->collectives.front().sequence);
    end = std::max(end, one->entered);
  }
  for (int64_t sequence = begin; sequence < end; ++sequence) {
    Calls calls;
    for (const auto* dump : dumps) {
      const auto* one = find(*dump, name);
      const auto* record = one == nullptr ? nullptr : find(*one, sequence);
      if (record == nullptr) continue;
      calls.ranks.push_back(dump);
      calls.records.push_back(record);
    }
    if (calls.ranks.size() < 2) continue;
    auto found = compare(calls, num_ranks);
    if (!found) continue;
    found->cause = HangCause::different_calls;
    found->communicator = name;
    found->sequence = sequence;
    found->text = "at #" + std::to_string(sequence) + " of '" + name + "' (step " +
                  std::to_string(calls.records.front()->step) + ") " + found->text;
    return found;
  }
  return std::nullopt;
}

}  // namespace

HangVerdict find_different_calls(const std::vector<RankReport>& reports) {
  std::vector<const RankReport*> dumps;
  for (const auto& report : reports) {
    if (report.is_dump) dumps.push_back(&report);
  }
  if (dumps.size() < 2) return {};
  std::vector<std::string> names;  // some communicators have some ranks only
  for (const auto* dump : dumps) {
    for (const auto& communicator : dump->communicators) {
      if (std::find(names.begin(), names.end(), communicator.name) == names.end())
        names.push_back(communicator.name);
    }
  }
  for (const auto& name : names) {
    if (auto found = compare(dumps, name)) return *found;
  }
  return {};
}

}  // namespace nextframe
