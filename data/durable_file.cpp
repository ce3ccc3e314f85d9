#include "data/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "data/error.h"

namespace nextframe {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw DataError(path.string() + ": cannot " + what + ": " + std::strerror(errno) +
                  "; check the free space and the permissions");
}

void sync(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) fail(path, "open to sync");
  const int status = ::fsync(descriptor);
  ::close(descriptor);
  if (status != 0) fail(path, "sync");
}

}  // namespace

std::filesystem::path temporary_name(const std::filesystem::path& path) {
  return path.string() + ".tmp";
}

void publish_file(const std::filesystem::path& path) {
  const auto temporary = temporary_name(path);
  sync(temporary, O_RDONLY);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) fail(temporary, "rename");
  const auto folder = path.parent_path();
  sync(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

void write_text_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(temporary_name(path), std::ios::binary);
  file << text;
  file.close();
  if (!file) fail(path, "write");
  publish_file(path);
}

std::string read_text_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) fail(path, "read");
  return text.str();
}

}  // namespace nextframe
