// This file is metrics.jsonl: one line a logged step, in order, whatever was killed in between.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "trainer/records/step_record.h"

namespace nextframe {

class MetricsLog {
 public:
  /// Opens the file for appending. Lines of steps after `last_step`, which a killed run wrote and
  /// this one will write again, and a line cut off by the kill are dropped first.
  MetricsLog(const std::filesystem::path& path, int64_t last_step);

  void append(const StepRecord& record);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace nextframe
