#include "trainer/commands/rank_list.h"

#include <charconv>
#include <sstream>

#include "trainer/exit_code.h"

namespace nextframe {
namespace {

constexpr int64_t kMaxRanks = 1 << 20;

int64_t number(const std::string& word, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < 1 || value > kMaxRanks) {
    throw UsageError("--ranks " + text + ": '" + word +
                     "' is no number of ranks; give 4, or 1,2,4, or 8..16384");
  }
  return value;
}

}  // namespace

std::vector<int64_t> parse_rank_list(const std::string& text) {
  std::vector<int64_t> ranks;
  if (const auto dots = text.find(".."); dots != std::string::npos) {
    const int64_t last = number(text.substr(dots + 2), text);
    for (int64_t rank = number(text.substr(0, dots), text); rank <= last; rank *= 2)
      ranks.push_back(rank);
    if (ranks.empty()) throw UsageError("--ranks " + text + ": the second number is the smaller");
    return ranks;
  }
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) ranks.push_back(number(word, text));
  if (ranks.empty()) number("", text);
  return ranks;
}

}  // namespace nextframe
