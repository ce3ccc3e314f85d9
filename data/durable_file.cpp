#include "data/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "data/error.h"
#include "data/input_file.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

constexpr char kUnfinished[] = ".nextframe.tmp";

void sync(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) throw_file_error("open", path);
  const int result = ::fsync(descriptor);
  ::close(descriptor);
  if (result != 0) throw_file_error("flush", path);
}

}  // namespace

DurableFile::DurableFile(fs::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw_file_error("create", path_);
}

DurableFile::~DurableFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void DurableFile::append(const void* data, size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_file_error("write", path_);
    next += written;
    bytes -= static_cast<size_t>(written);
    bytes_written_ += written;
  }
}

void DurableFile::finish() {
  if (::fsync(descriptor_) != 0) throw_file_error("flush", path_);
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) throw_file_error("close", path_);
}

void sync_file(const fs::path& path) { sync(path, O_RDONLY); }

void sync_folder(const fs::path& folder) { sync(folder, O_RDONLY | O_DIRECTORY); }

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw_file_error("rename " + from.string() + " to", to);
  sync_folder(to.has_parent_path() ? to.parent_path() : ".");
}

fs::path unfinished_name(const fs::path& path) { return path.string() + kUnfinished; }

void remove_unfinished(const fs::path& folder) {
  std::error_code ignored;  // what cannot be listed or removed does no harm
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const bool is_ours = entry.path().string().ends_with(kUnfinished);
    if (is_ours && entry.is_regular_file(ignored)) fs::remove(entry.path(), ignored);
  }
}

void write_durably(const fs::path& path, const std::string& content) {
  const auto temporary = unfinished_name(path);
  try {
    DurableFile file(temporary);
    file.append(content.data(), content.size());
    file.finish();
    rename_durably(temporary, path);
  } catch (const FileError&) {
    std::error_code ignored;
    fs::remove(temporary, ignored);  // a full disk has better use for the room
    throw;
  }
}

std::string read_text(const fs::path& path) {
  constexpr uintmax_t kMostBytes = uintmax_t{4} << 30;
  const auto found = what_stands_at(path);
  if (!found.empty() && found != "missing") {
    throw FileError("cannot read " + path.string() + ": it is " + found + ", not a regular file");
  }
  if (std::error_code error; found.empty() && fs::file_size(path, error) > kMostBytes && !error) {
    throw FileError("cannot read " + path.string() + ": it has more than 4 GiB");
  }
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  if (!file || !(content << file.rdbuf())) {
    // An empty file sets failbit on the stream that copies it; that is no error.
    if (file.is_open() && fs::exists(path) && fs::file_size(path) == 0) return "";
    throw_file_error("read", path);
  }
  return content.str();
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError("cannot create " + folder.string() + ": " + error.message());
}

}  // namespace nextframe
