// Writes a run's scalars for TensorBoard: events.out.tfevents.*, one file for each start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "trainer/records/log_file.h"
#include "trainer/records/metrics_log.h"

namespace nextframe {

/// Writes TFRecord-framed Event messages (tensorflow/core/util/event.proto, record_writer.h).
class TensorBoard {
 public:
  /// Opens a new file in `folder`, whose name sorts behind those that are there. What an earlier
  /// start wrote after `last_step` is hidden by TensorBoard's own rule: a later file that begins at
  /// a step replaces what earlier files have from that step on. Throws nothing, as LogFile.
  TensorBoard(const std::filesystem::path& folder, int64_t last_step, const LogFile::Tell& tell);

  void append(const StepRecord& record);

 private:
  void write_event(const std::string& body);

  LogFile file_;
};

/// CRC-32C (Castagnoli), as TFRecord frames need it.
uint32_t crc32c(const std::string& bytes);

}  // namespace nextframe
