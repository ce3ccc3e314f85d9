#include "trainer/records/metrics_log.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/durable_file.h"
#include "data/error.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

/// The lines of steps up to `last_step`, whole ones only.
std::string kept_lines(const std::string& text, int64_t last_step) {
  std::string kept, line;
  std::istringstream lines(text);
  while (std::getline(lines, line) && !lines.eof()) {
    const auto json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("step") || json["step"].get<int64_t>() > last_step)
      break;
    kept += line + "\n";
  }
  return kept;
}

}  // namespace

std::string to_json_line(const StepRecord& r) {
  Json json = {{"step", r.step},
               {"samples", r.samples},
               {"loss", r.loss},
               {"grad_norm", r.grad_norm},
               {"lr", r.lr},
               {"step_s", r.step_s},
               {"frames_per_s", r.frames_per_s},
               {"tokens_per_s", r.tokens_per_s},
               {"mfu", r.mfu},
               {"data_wait_s", r.data_wait_s},
               {"comm_exposed_s", r.comm_exposed_s},
               {"checkpoint_stall_s", r.checkpoint_stall_s},
               {"world_size", r.world_size},
               {"loss_z", r.loss_z},
               {"grad_norm_z", r.grad_norm_z},
               {"skipped_steps", r.skipped_steps},
               {"set_aside", r.set_aside},
               {"busy_s_min", r.busy.min_s},
               {"busy_s_median", r.busy.median_s},
               {"busy_s_max", r.busy.max_s},
               {"slowest_rank", r.busy.slowest_rank}};
  if (r.memory_peak_bytes > 0) json["memory_peak_bytes"] = r.memory_peak_bytes;
  for (const auto& [name, value] : r.statistics) json[name] = value;
  if (!r.digest.empty()) json["digest"] = r.digest;
  return json.dump();
}

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t last_step) : path_(path) {
  if (std::filesystem::exists(path)) {
    const auto text = read_text(path);
    const auto kept = kept_lines(text, last_step);
    if (kept != text) write_durably(path, kept);
  }
  file_.open(path, std::ios::app);
  if (!file_) throw FileError("cannot write " + path.string() + ": " + std::strerror(errno));
}

void MetricsLog::append(const StepRecord& record) {
  file_ << to_json_line(record) << "\n" << std::flush;
  if (!file_) throw FileError("cannot write " + path_.string() + ": " + std::strerror(errno));
}

}  // namespace nextframe
