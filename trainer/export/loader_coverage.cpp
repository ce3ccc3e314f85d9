#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/torch.h"
#include "trainer/config/config.h"
#include "trainer/export/reference_loader.h"

namespace nextframe {
namespace {

/// The table, which is written as JSON.
nlohmann::json covered_words() {
  const std::string text = reference_loader(), before = "\nCOVERED = ", last = "\n}\n";
  const auto found = text.find(before);
  const auto begin = found + before.size(), end = text.find(last, begin) + last.size();
  TORCH_INTERNAL_ASSERT(found != std::string::npos && begin < end,
                        "nextframe_model.py has no table COVERED");
  return nlohmann::json::parse(text.substr(begin, end - begin));
}

bool is_one_of(const nlohmann::json& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::vector<std::string> not_covered_by_loader(const Config& config) {
  const auto covered = covered_words();
  std::vector<std::string> unknown;
  for (const auto& field : config.resolved) {
    const auto dot = field.key.find('.');
    const auto keys = covered.find(field.key.substr(0, dot) + ".*"),
               words = covered.find(field.key);
    if (keys != covered.end() && !is_one_of(*keys, field.key.substr(dot + 1))) {
      unknown.push_back(field.key);
    } else if (words != covered.end() && !is_one_of(*words, field.value)) {
      unknown.push_back(field.key + " = " + field.value);
    }
  }
  return unknown;
}

}  // namespace nextframe
