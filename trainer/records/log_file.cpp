#include "trainer/records/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace nextframe {
namespace {

constexpr size_t kMostWaitingBytes = size_t{1} << 20;

}  // namespace

LogFile::LogFile(std::filesystem::path path, Tell tell)
    : path_(std::move(path)), tell_(std::move(tell)) {
  if (!open()) tell_failure();
}

LogFile::~LogFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool LogFile::open() {
  if (descriptor_ >= 0) return true;
  std::error_code ignored;  // the open says why
  std::filesystem::create_directories(path_.parent_path(), ignored);
  // Not blocking: a pipe in the place of the file would wait for a reader.
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  descriptor_ = ::open(path_.c_str(), flags, 0644);
  return descriptor_ >= 0;
}

void LogFile::append(std::string record) {
  waiting_bytes_ += record.size();
  waiting_.push_back(std::move(record));
  while (!waiting_.empty() && write(waiting_.front())) {
    waiting_bytes_ -= waiting_.front().size();
    waiting_.pop_front();
  }
  if (!waiting_.empty()) {
    tell_failure();
  } else if (std::exchange(is_failing_, false)) {
    const auto lost = std::exchange(num_lost_, 0);
    tell_(path_.string() + " is written again, " +
          (lost == 0 ? "and nothing is missing" : "without " + std::to_string(lost) + " records"));
  }
  for (; waiting_bytes_ > kMostWaitingBytes; ++num_lost_) {
    waiting_bytes_ -= waiting_.front().size();
    waiting_.pop_front();
  }
}

bool LogFile::write(const std::string& record) {
  if (!open()) return false;
  const off_t end = ::lseek(descriptor_, 0, SEEK_END);
  const auto written = ::write(descriptor_, record.data(), record.size());
  if (written == static_cast<ssize_t>(record.size())) return true;
  const int error = written < 0 ? errno : ENOSPC;  // or a file-size limit: the next try tells
  if (written > 0 && end >= 0) {                   // half a record would be a damaged line
    [[maybe_unused]] const int ignored = ::ftruncate(descriptor_, end);
  }
  ::close(std::exchange(descriptor_, -1));  // a file system that comes back has a new file
  errno = error;
  return false;
}

/// Called with errno of what failed.
void LogFile::tell_failure() {
  if (std::exchange(is_failing_, true)) return;
  tell_("cannot write " + path_.string() + ": " + std::strerror(errno) +
        "; the run goes on, and tries again with each line");
}

}  // namespace nextframe
