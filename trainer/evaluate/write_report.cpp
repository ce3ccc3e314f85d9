#include "trainer/evaluate/write_report.h"

#include <filesystem>

#include "data/durable_file.h"

namespace nextframe {

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
