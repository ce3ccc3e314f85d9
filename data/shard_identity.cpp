#include "data/shard_identity.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "data/checksum.h"
#include "data/frame_column.h"

namespace nextframe {
namespace {

constexpr int64_t kSamplePieces = 32;

std::string size_in_words(const ShardIdentity& shard) {
  return c10::str(shard.episodes, shard.episodes == 1 ? " episode, " : " episodes, ", shard.frames,
                  shard.frames == 1 ? " frame" : " frames");
}

std::string shortened(std::vector<std::string> names) {
  constexpr size_t kMaxNames = 3;
  const bool is_long = names.size() > kMaxNames;
  if (is_long) names.resize(kMaxNames);
  return c10::Join(", ", names) + (is_long ? ", …" : "");
}

/// What is known of every shard, whatever the size of its set.
std::string content_key(const ShardIdentity& shard) {
  return c10::str(c10::Join("x", shard.frame_shape), " ", shard.episode_hash, " ",
                  shard.action_hash, " ", shard.sample_hash);
}

/// What a shard of the same name has that the recorded one had not.
std::string what_differs(const ShardIdentity& before, const ShardIdentity& now) {
  if (before.frame_shape != now.frame_shape) {
    return c10::str("has frames of ", c10::Join("x", now.frame_shape), ", and had frames of ",
                    c10::Join("x", before.frame_shape));
  }
  if (before.episode_hash != now.episode_hash) {
    const std::string was = size_in_words(before), is = size_in_words(now);
    if (was == is) return c10::str("has its episodes cut elsewhere (", is, " as before)");
    return c10::str("has ", is, ", and had ", was);
  }
  const bool other_actions = before.action_hash != now.action_hash;
  auto without_actions = before;
  without_actions.action_hash = now.action_hash;
  without_actions.checksum.clear();
  if (is_same_content(without_actions, now)) return "has other actions, and the same frames";
  return other_actions ? "has other frames and other actions"
                       : "has other frames (its episodes and actions are the same)";
}

/// Gives recorded shards those that are there now.
class Matching {
 public:
  Matching(const std::vector<ShardIdentity>& recorded, const std::vector<ShardIdentity>& now)
      : recorded_(recorded), now_(now), place_(recorded.size(), now.size()) {
    for (size_t i = 0; i < now.size(); ++i) by_content_[content_key(now[i])].push_back(i);
    match(/*by_name=*/true);
    match(/*by_name=*/false);
  }

  /// The number of a recorded shard among those now; their count if it is gone.
  size_t place(size_t recorded) const { return place_[recorded]; }
  bool is_taken(size_t now) const { return taken_.contains(now); }

 private:
  void match(bool by_name) {
    for (size_t r = 0; r < recorded_.size(); ++r) {
      if (place_[r] != now_.size()) continue;
      auto& candidates = by_content_[content_key(recorded_[r])];
      for (auto i = candidates.begin(); i != candidates.end(); ++i) {
        if (by_name && now_[*i].name != recorded_[r].name) continue;
        if (!is_same_content(recorded_[r], now_[*i])) continue;
        place_[r] = *i;
        taken_.insert(*i);
        candidates.erase(i);
        break;
      }
    }
  }

  const std::vector<ShardIdentity>&recorded_, &now_;
  std::vector<size_t> place_;
  std::set<size_t> taken_;
  std::map<std::string, std::vector<size_t>> by_content_;
};

}  // namespace

std::string hash_of_episodes(const std::vector<int64_t>& lengths,
                             const std::vector<int64_t>& offsets) {
  Hasher hasher;
  hasher.add(lengths.data(), lengths.size() * sizeof(int64_t));
  hasher.add(offsets.data(), offsets.size() * sizeof(int64_t));
  return hasher.digest();
}

std::string hash_of_actions(const at::Tensor& actions) {
  if (!actions.defined()) return "";
  Hasher hasher;
  hasher.add(c10::str(actions.scalar_type(), actions.sizes()));
  hasher.add(actions.const_data_ptr(), actions.nbytes());
  return hasher.digest();
}

void add_frame_hashes(ShardIdentity& identity, const FrameColumn& frames, bool whole) {
  Hasher sample;
  frames.add_stored(sample, kSamplePieces);
  identity.sample_hash = sample.digest();
  identity.frames_hash.clear();
  if (!whole) return;
  Hasher all;
  frames.add_stored(all, frames.num_pieces());
  identity.frames_hash = all.digest();
}

bool is_same_content(const ShardIdentity& left, const ShardIdentity& right) {
  const auto differ = [](const std::string& a, const std::string& b) {
    return !a.empty() && !b.empty() && a != b;
  };
  return content_key(left) == content_key(right) && !differ(left.checksum, right.checksum) &&
         !differ(left.frames_hash, right.frames_hash);
}

std::string to_line(const ShardIdentity& shard) {
  const auto or_dash = [](const std::string& hash) { return hash.empty() ? "-" : hash; };
  return c10::str(shard.frames, " ", shard.episodes, " ", c10::Join(" ", shard.frame_shape), " ",
                  shard.episode_hash, " ", or_dash(shard.action_hash), " ", or_dash(shard.checksum),
                  " ", shard.sample_hash, " ", or_dash(shard.frames_hash), " ", shard.name);
}

ShardIdentity parse_shard_identity(const std::string& line) {
  ShardIdentity shard;
  std::istringstream words(line);
  words >> shard.frames >> shard.episodes;
  for (auto& size : shard.frame_shape) words >> size;
  words >> shard.episode_hash >> shard.action_hash >> shard.checksum >> shard.sample_hash >>
      shard.frames_hash;
  if (!words) throw std::invalid_argument("'" + line + "' describes no shard");
  for (auto* hash : {&shard.action_hash, &shard.checksum, &shard.frames_hash}) {
    if (*hash == "-") hash->clear();
  }
  words.get();  // the space before the name
  std::getline(words, shard.name, '\0');
  return shard;
}

std::vector<std::string> shards_in_common(const std::vector<ShardIdentity>& trained_on,
                                          const std::vector<ShardIdentity>& held_out) {
  std::multimap<std::string, const ShardIdentity*> known;
  for (const auto& shard : trained_on) known.emplace(content_key(shard), &shard);
  std::vector<std::string> names;
  for (const auto& shard : held_out) {
    const auto [first, last] = known.equal_range(content_key(shard));
    const bool is_known = std::any_of(
        first, last, [&](const auto& entry) { return is_same_content(*entry.second, shard); });
    if (is_known) names.push_back(shard.name);
  }
  return names;
}

std::string describe_shards_in_common(const std::vector<ShardIdentity>& trained_on,
                                      const std::vector<ShardIdentity>& held_out,
                                      const std::string& name) {
  const auto names = shards_in_common(trained_on, held_out);
  if (names.empty()) return "";
  return c10::str(name, " is not held out: ", names.size(), " of its ", held_out.size(),
                  held_out.size() == 1 ? " shard holds" : " shards hold",
                  " what a shard of data.train holds (", shortened(names),
                  "); figures of it tell nothing of new data");
}

std::string describe_repeated_shards(const std::vector<ShardIdentity>& shards,
                                     const std::string& name) {
  std::multimap<std::string, const ShardIdentity*> known;
  std::vector<std::string> names;
  for (const auto& shard : shards) {
    const auto key = content_key(shard);
    const auto [first, last] = known.equal_range(key);
    const bool is_known = std::any_of(
        first, last, [&](const auto& entry) { return is_same_content(*entry.second, shard); });
    if (is_known) names.push_back(shard.name);
    known.emplace(key, &shard);
  }
  if (names.empty()) return "";
  return c10::str(names.size(), " of the ", shards.size(), " shards of ", name,
                  names.size() == 1 ? " holds" : " hold", " what one before holds (",
                  shortened(names), "), so their clips count more than once");
}

DataDifference compare_shards(const std::vector<ShardIdentity>& recorded,
                              const std::vector<ShardIdentity>& now) {
  const Matching matching(recorded, now);
  DataDifference difference;
  std::map<std::string, size_t> unmatched;  // of those now, by name
  for (size_t i = 0; i < now.size(); ++i) {
    if (!matching.is_taken(i)) unmatched.emplace(now[i].name, i);
  }
  std::set<size_t> changed;
  for (size_t r = 0; r < recorded.size(); ++r) {
    if (matching.place(r) != now.size()) {
      difference.order.push_back(matching.place(r));
      continue;
    }
    const auto same_name = unmatched.find(recorded[r].name);
    const bool is_changed =
        same_name != unmatched.end() && changed.insert(same_name->second).second;
    difference.lost.push_back(recorded[r].name + " " +
                              (is_changed
                                   ? what_differs(recorded[r], now[same_name->second])
                                   : "(" + size_in_words(recorded[r]) + ") is not there any more"));
  }
  for (size_t i = 0; i < now.size(); ++i) {
    if (matching.is_taken(i)) continue;
    difference.order.push_back(i);
    if (!changed.contains(i)) {
      difference.added.push_back(c10::str(now[i].name, " (", size_in_words(now[i]), ")"));
    }
  }
  return difference;
}

}  // namespace nextframe
