// Reads the members of a zip archive as streams: stored or deflated, of any size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nextframe {

struct ZipMember {
  uint16_t method = 0;  // 0 stored, 8 deflated
  uint32_t crc32 = 0;
  uint64_t stored_bytes = 0, bytes = 0;
  uint64_t header_offset = 0;
};

/// The bytes of one member, from its start. Throws DataError if the archive is cut or damaged, or
/// if the member says to be longer than its stored bytes can unpack to.
class ZipStream {
 public:
  ZipStream(const std::filesystem::path& path, const ZipMember& member);
  /// A file that is no archive, from its first byte on.
  explicit ZipStream(const std::filesystem::path& whole_file);
  ~ZipStream();
  ZipStream(ZipStream&&) noexcept;

  /// Reads exactly `num_bytes`; with the member's last byte its checksum is verified.
  void read(void* bytes, size_t num_bytes);

  /// Bytes that read() can still give.
  uint64_t bytes_left() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ZipFile {
 public:
  explicit ZipFile(std::filesystem::path path);

  bool has(const std::string& name) const { return members_.contains(name); }
  std::vector<std::string> names() const;
  ZipStream open(const std::string& name) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::map<std::string, ZipMember> members_;
};

}  // namespace nextframe
