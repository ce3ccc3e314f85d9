#include "trainer/evaluate/report.h"

#include <algorithm>
#include <filesystem>

#include "data/durable_file.h"
#include "trainer/evaluate/dream.h"

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

void write_report(const std::string& folder, const EvaluationReport& report,
                  const std::vector<Dream>& dreams) {
  const std::filesystem::path path = folder;
  make_folder(path);
  write_durably(path / "report.json", to_json(report));
  write_durably(path / "report.md", to_markdown(report));
  std::string picture, moving;
  if (!dreams.empty()) {
    picture = encode_png(sheet(dreams));
    moving = encode_webp(animation(dreams), kAnimationFrameMs);
  }
  write_durably(path / "report.html", to_html(report, picture, moving));
}

}  // namespace nextframe
