// Writes a run's scalars for TensorBoard: events.out.tfevents.*, one file for each start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "trainer/records/metrics_log.h"

namespace nextframe {

/// Writes TFRecord-framed Event messages (tensorflow/core/util/event.proto, record_writer.h).
class TensorBoard {
 public:
  /// Opens a new file in `folder`. By TensorBoard's own rule it hides what an earlier start
  /// wrote after `first_step`. Throws FileError, as append does.
  TensorBoard(const std::filesystem::path& folder, int64_t first_step);

  void append(const StepRecord& record);

 private:
  void write_event(const std::string& body);

  std::filesystem::path path_;
  std::ofstream file_;
};

/// CRC-32C (Castagnoli), as TFRecord frames need it.
uint32_t crc32c(const std::string& bytes);

}  // namespace nextframe
