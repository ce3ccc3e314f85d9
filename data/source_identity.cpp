#include "data/source_identity.h"

#include <c10/util/StringUtil.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <vector>

#include "data/checksum.h"
#include "data/error.h"

namespace nextframe {
namespace {

namespace fs = std::filesystem;

struct stat source_status_of(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return status;
  throw FileError("cannot look at " + path.string() + ": " + std::strerror(errno));
}

bool is_left_out(const fs::path& path) { return path.filename().string().starts_with("."); }

/// Regular files below `folder`; linked folders are followed, each folder once.
void collect_files(const fs::path& folder, std::set<std::pair<dev_t, ino_t>>& seen,
                   std::vector<fs::path>& files) {
  const auto status = source_status_of(folder);
  if (!seen.insert({status.st_dev, status.st_ino}).second) return;
  std::error_code error;
  fs::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    std::error_code unknown;  // a link that leads nowhere is no file
    if (is_left_out(entry->path())) continue;
    if (entry->is_directory(unknown)) collect_files(entry->path(), seen, files);
    if (entry->is_regular_file(unknown)) files.push_back(entry->path());
  }
  if (error) throw FileError("cannot list " + folder.string() + ": " + error.message());
}

std::vector<fs::path> source_files(const fs::path& source, const fs::path& out) {
  if (!fs::is_directory(source)) return {source};
  std::vector<fs::path> files;
  std::set<std::pair<dev_t, ino_t>> seen;
  struct stat left_out {};
  if (::stat(out.c_str(), &left_out) == 0) seen.insert({left_out.st_dev, left_out.st_ino});
  collect_files(source, seen, files);
  std::sort(files.begin(), files.end());
  return files;
}

/// Its name in the source; "" for a source that is one file, whose name does not matter.
std::string name_in_source(const fs::path& source, const fs::path& file) {
  return file == source ? "" : file.lexically_relative(source).generic_string();
}

void add_number(Hasher& hasher, int64_t value) { hasher.add(&value, sizeof(value)); }

void add_time(Hasher& hasher, const timespec& time) {
  add_number(hasher, time.tv_sec);
  add_number(hasher, time.tv_nsec);
}

}  // namespace

SourceIdentity look_at_source(const fs::path& source, const fs::path& out) {
  SourceIdentity identity;
  Hasher hasher;
  for (const auto& file : source_files(source, out)) {
    const auto status = source_status_of(file);
    hasher.add(name_in_source(source, file));
    add_number(hasher, status.st_size);
    add_number(hasher, static_cast<int64_t>(status.st_ino));
    add_time(hasher, status.st_mtim);
    add_time(hasher, status.st_ctim);  // a tool may put the other one back
    identity.files += 1;
    identity.bytes += status.st_size;
  }
  identity.stat = hasher.digest();
  return identity;
}

std::string hash_of_source(const fs::path& source, const fs::path& out) {
  Hasher hasher;
  for (const auto& file : source_files(source, out)) {
    hasher.add(name_in_source(source, file));
    hasher.add(file_xxh3(file));
  }
  return hasher.digest();
}

fs::file_time_type newest_change(const fs::path& source, const fs::path& out) {
  auto newest = fs::file_time_type::min();
  for (const auto& file : source_files(source, out))
    newest = std::max(newest, fs::last_write_time(file));
  return newest;
}

std::string describe(const SourceIdentity& source) {
  return c10::str(source.files, source.files == 1 ? " file of " : " files of ", source.bytes,
                  " bytes");
}

}  // namespace nextframe
