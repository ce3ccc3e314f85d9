#include "trainer/records/metrics_log.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/durable_file.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

/// The number of the step that a line is of, 0 for a line of something else.
int64_t step_of(const Json& json) {
  if (!json.is_object() || !json.contains("step")) return 0;
  const auto& step = json["step"];
  return step.is_number_integer() ? step.get<int64_t>() : 0;
}

/// Drops what `last_step` makes void from the file, unless it cannot be read or written.
void cut_back(const std::filesystem::path& path, int64_t last_step, const LogFile::Tell& tell) {
  std::string kept, line;
  int64_t number = 0, num_damaged = 0, first_damaged = 0;
  const auto text = read_text(path);
  std::istringstream lines(text);
  while (std::getline(lines, line)) {
    const bool is_cut_off = lines.eof();  // no end of line: killed while it was written
    const auto json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    ++number;
    if (json.is_discarded() && !is_cut_off && ++num_damaged == 1) first_damaged = number;
    if (!json.is_discarded() && step_of(json) <= last_step) kept += line + "\n";
  }
  if (num_damaged > 0) {
    tell(path.string() + ": " + std::to_string(num_damaged) +
         (num_damaged == 1 ? " line was" : " lines were") + " damaged and left out (" +
         (num_damaged == 1 ? "" : "the first is ") + "line " + std::to_string(first_damaged) +
         "); the others are kept");
  }
  if (kept != text) write_durably(path, kept);
}

const std::filesystem::path& cut_back_if_there(const std::filesystem::path& path, int64_t last_step,
                                               const LogFile::Tell& tell) {
  try {
    if (std::filesystem::is_regular_file(path)) cut_back(path, last_step, tell);
  } catch (const std::exception& error) {
    tell(std::string(error.what()) + "; its last lines may be repeated");
  }
  return path;
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
  if (r.data_shards > 0) json["data_shards"] = r.data_shards;
  if (r.memory_peak_bytes > 0) json["memory_peak_bytes"] = r.memory_peak_bytes;
  for (const auto& [name, value] : r.statistics) json[name] = value;
  if (!r.digest.empty()) json["digest"] = r.digest;
  return json.dump();
}

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t last_step,
                       const LogFile::Tell& tell)
    : file_(cut_back_if_there(path, last_step, tell), tell) {}

void MetricsLog::append(const StepRecord& record) { file_.append(to_json_line(record) + "\n"); }

}  // namespace nextframe
