#include "trainer/records/run_summary.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "trainer/checkpoint/store.h"
#include "trainer/config/config.h"
#include "trainer/records/run_folder.h"
#include "trainer/records/run_lock.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

constexpr int kDeepestRun = 3;
constexpr int64_t kTailBytes = int64_t{1} << 16;

/// nullopt where the file is not there or no JSON.
std::optional<nlohmann::json> json_of(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  try {
    return nlohmann::json::parse(read_text(path));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

/// The number at a path of keys, if there is one.
std::optional<double> number_at(const nlohmann::json& json, const std::vector<std::string>& keys) {
  const auto* at = &json;
  for (const auto& key : keys) {
    if (!at->is_object() || !at->contains(key)) return std::nullopt;
    at = &at->at(key);
  }
  return at->is_number() ? std::optional(at->get<double>()) : std::nullopt;
}

/// The text of a key, "" if there is none.
std::string text_at(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The newest line of a log that is whole.
std::optional<nlohmann::json> last_line(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;  // a pipe would never end
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  file.seekg(0, std::ios::end);
  const int64_t bytes = file.tellg();
  file.seekg(std::max<int64_t>(0, bytes - kTailBytes));
  std::optional<nlohmann::json> newest;
  for (std::string line; std::getline(file, line);) {
    auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) newest = std::move(json);
  }
  return newest;
}

bool is_held(const fs::path& run) {
  try {
    refuse_if_held(run, "");
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

void read_status(RunSummary& summary) {
  const auto status = json_of(summary.path / "status.json");
  if (!status || !status->is_object()) {
    if (is_held(summary.path)) summary.state = "starting";
    return;
  }
  summary.state = text_at(*status, "state");
  summary.updated = text_at(*status, "updated");
  summary.step = static_cast<int64_t>(number_at(*status, {"step"}).value_or(0));
  summary.steps = static_cast<int64_t>(number_at(*status, {"steps"}).value_or(0));
  if (summary.state == "running" && !is_held(summary.path)) summary.state = "killed";
}

void read_metrics(RunSummary& summary) {
  const auto line = last_line(RunFolder{summary.path}.metrics());
  if (!line) return;
  summary.loss = number_at(*line, {"loss"});
  summary.step_s = number_at(*line, {"step_s"});
  const auto step = static_cast<int64_t>(number_at(*line, {"step"}).value_or(0));
  if (summary.state != "finished") summary.step = std::max(summary.step, step);
}

/// Of the newest evaluation that has such a figure: eval/step_00001000, or one of some suites,
/// eval/step_00001000-quality.
void read_evaluation(RunSummary& summary) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(summary.path / "eval", ignored)) {
    const auto name = entry.path().filename().string();
    const auto step = checkpoint_step(name.substr(0, name.find('-')));
    if (!step || (summary.evaluated_step && *summary.evaluated_step > *step)) continue;
    const auto report = json_of(entry.path() / "report.json");
    if (!report) continue;
    const auto error =
        number_at(*report, {"suites", "quality", "one_step", "mse_over_copy_last", "value"});
    const auto psnr = number_at(*report, {"suites", "tokenizer", "psnr_db", "value"});
    if (!error && !psnr) continue;
    summary.evaluated_step = step;
    summary.over_copy_last = error;
    summary.tokenizer_psnr_db = psnr;
  }
}

void read_config(RunSummary& summary) {
  try {
    const auto resolved = RunFolder{summary.path}.resolved();
    const auto config = parse_config(read_text(resolved), resolved.string());
    summary.what = config.trained_part();
    if (config.trains_tokenizer()) return;
    summary.what += ", " + config.value_of("objective.name");
    const auto tokenizer = config.value_of("tokenizer.name");
    if (tokenizer != "pixels")
      summary.what += tokenizer == "trained" ? " on latents" : " on " + tokenizer;
  } catch (const std::exception&) {
    summary.what = "resolved.yaml cannot be read";
  }
}

void find_runs(const fs::path& folder, int depth, std::vector<fs::path>& runs) {
  if (is_run_folder(folder)) {
    runs.push_back(folder);
    return;
  }
  if (depth == kDeepestRun) return;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored))
      find_runs(entry.path(), depth + 1, runs);
  }
}

}  // namespace

bool is_run_folder(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(RunFolder{folder}.resolved(), ignored);
}

std::vector<fs::path> runs_in(const fs::path& folder) {
  std::vector<fs::path> runs;
  find_runs(folder, 0, runs);
  std::sort(runs.begin(), runs.end());
  return runs;
}

RunSummary summarise_run(const fs::path& run) {
  RunSummary summary;
  summary.path = run;
  read_status(summary);
  read_metrics(summary);
  read_evaluation(summary);
  read_config(summary);
  return summary;
}

}  // namespace nextframe
