// metrics.jsonl: one line for each logged step, in order, even after a run was killed and resumed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "trainer/records/log_file.h"
#include "trainer/records/stragglers.h"

namespace nextframe {

/// Times and rates are means over the steps since the last record; loss, norm and statistics
/// belong to this step only.
struct StepRecord {
  int64_t step = 0;     // steps done
  int64_t samples = 0;  // clips consumed
  double loss = 0;
  double grad_norm = 0;  // before clipping
  double lr = 0;
  double step_s = 0;
  double frames_per_s = 0;  // over all ranks
  double tokens_per_s = 0;
  double mfu = 0;          // of the peak that trainer/records/peak_flops.h names; 0 when not known
  double data_wait_s = 0;  // a step
  double comm_exposed_s = 0;
  double checkpoint_stall_s = 0;
  int64_t world_size = 1;
  double loss_z = 0,
         grad_norm_z = 0;         // against the last applied steps; see trainer/judge/step_judge.h
  int64_t skipped_steps = 0;      // of all steps so far
  int64_t set_aside = 0;          // excluded clips
  int64_t data_shards = 0;        // that count, where data were added to the run; else 0
  int64_t memory_peak_bytes = 0;  // of this rank's tensors on the CPU; 0 when not measured
  BusyTimes busy;                 // the ranks' own work in a step
  std::map<std::string, double> statistics;  // the model's, as means
  std::string digest;                        // of the state, on steps where it was asked for
};

/// One JSON object on one line, without the line break. Numbers that are not finite are null.
std::string to_json_line(const StepRecord& record);

class MetricsLog {
 public:
  /// Opens the file for appending. Lines of steps after `last_step`, which a killed run wrote and
  /// this one will write again, and a line cut off by the kill are dropped first; so are lines that
  /// are no JSON, of which `tell` hears. All others stay as they are. Throws nothing, as LogFile.
  MetricsLog(const std::filesystem::path& path, int64_t last_step, const LogFile::Tell& tell);

  void append(const StepRecord& record);

 private:
  LogFile file_;
};

}  // namespace nextframe
