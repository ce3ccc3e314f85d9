#include "trainer/evaluate/report.h"

#include <algorithm>

namespace nextframe {
namespace {

const Figure* find(const std::vector<NamedFigure>& figures, const std::string& name) {
  const auto found = std::find_if(figures.begin(), figures.end(),
                                  [&](const NamedFigure& entry) { return entry.name == name; });
  return found == figures.end() ? nullptr : &found->figure;
}

const Figure* find(const SuiteReport& suite, const std::string& name) {
  if (const auto* figure = find(suite.figures, name)) return figure;
  for (const auto& table : suite.tables) {
    for (const auto& row : table.rows) {
      const auto prefix = table.name + "." + std::to_string(row.key) + ".";
      if (name.starts_with(prefix)) return find(row.figures, name.substr(prefix.size()));
    }
  }
  return nullptr;
}

}  // namespace

const Figure* find_figure(const EvaluationReport& report, const std::string& suite,
                          const std::string& name) {
  for (const auto& candidate : report.suites) {
    if (candidate.name == suite) return find(candidate, name);
  }
  return nullptr;
}

}  // namespace nextframe
