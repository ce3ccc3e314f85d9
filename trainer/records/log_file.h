// A file that a run can do without: what cannot be written to it is told once, and the run goes on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>

namespace nextframe {

/// Logs, metrics and events. Nothing of it throws: a full disk, a file-size limit or a file system
/// that has gone keeps records waiting in memory, up to a MiB, and each append tries again.
class LogFile {
 public:
  using Tell = std::function<void(const std::string&)>;

  /// Opens `path` for appending, and creates it and its folder. `tell` hears of the first failure,
  /// and when writing works again; it must not append to this file.
  LogFile(std::filesystem::path path, Tell tell);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  /// Writes a record in one piece: no reader, and no disk that fills up, leaves half of it.
  void append(std::string record);

 private:
  bool open();
  bool write(const std::string& record);
  void tell_failure();

  const std::filesystem::path path_;
  const Tell tell_;
  int descriptor_ = -1;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  int64_t num_lost_ = 0;
  bool is_failing_ = false;
};

}  // namespace nextframe
