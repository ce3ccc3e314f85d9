// The registry, a table from name to factory, in which models, objectives, worlds, importers and
// commands register themselves.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nextframe {

/// Number of single-character edits between two words (Levenshtein 1966).
inline size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// In order of size: "16" of "bf61".
inline std::string digits_of(const std::string& word) {
  std::string digits;
  for (const char c : word) {
    if (c >= '0' && c <= '9') digits += c;
  }
  std::sort(digits.begin(), digits.end());
  return digits;
}

/// The word in `known` that `word` is probably a misspelling of, or "". A number in it is taken as
/// meant: fp16 is no misspelt fp32.
inline std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : known) {
    if (!digits_of(word).empty() && digits_of(word) != digits_of(candidate)) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) best_distance = distance, best = candidate;
  }
  return best;
}

/// Entries register themselves from their own .cpp file, so adding one edits no list.
template <class Entry>
class Registry {
 public:
  /// One table for each entry type, constructed before any static registration uses it.
  static Registry& instance() {
    static Registry registry;
    return registry;
  }

  bool add(const std::string& name, Entry entry) {
    if (!entries_.emplace(name, std::move(entry)).second) {
      // Before main, where nobody would catch an exception.
      std::fputs(
          ("nextframe: '" + name + "' is registered twice; give one of the two another name\n")
              .c_str(),
          stderr);
      std::_Exit(1);
    }
    return true;
  }

  const Entry* find(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }

  /// As find, or std::invalid_argument that names the known ones: "unknown model 'x'; ...".
  const Entry& get(const std::string& name, const std::string& kind) const {
    if (const Entry* entry = find(name)) return *entry;
    std::string message = "unknown " + kind + " '" + name + "'";
    const std::string suggestion = did_you_mean(name, names());
    if (!suggestion.empty()) message += "; did you mean '" + suggestion + "'?";
    message += " (known:";
    for (const auto& known : names()) message += " " + known;
    throw std::invalid_argument(message + ")");
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [name, entry] : entries_) result.push_back(name);
    return result;
  }

 private:
  std::map<std::string, Entry> entries_;
};

}  // namespace nextframe
