#include "data/import/zip_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "data/error.h"
#include "data/input_file.h"

namespace nextframe {
namespace {

// APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.
constexpr uint32_t kEndSignature = 0x06054b50, kEntrySignature = 0x02014b50;
constexpr uint32_t kWideEndSignature = 0x06064b50, kWideLocatorSignature = 0x07064b50;
constexpr uint32_t kHeaderSignature = 0x04034b50;
constexpr size_t kEndBytes = 22, kWideLocatorBytes = 20, kWideEndBytes = 56, kEntryBytes = 46;
constexpr size_t kHeaderBytes = 30;
constexpr uint16_t kWideField = 1;
// A deflated byte unpacks to at most 1032: a match of 258 bytes takes two bits or more.
constexpr uint64_t kMostUnpacked = 1032, kUnpackedSlack = 64;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw DataError(path.string() + ": " + what + "; it is no zip archive, cut short or damaged");
}

/// Little-endian numbers out of a block of bytes.
template <class Number>
Number number_at(const std::string& bytes, size_t position) {
  Number value = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    value |= static_cast<Number>(static_cast<Number>(static_cast<uint8_t>(bytes.at(position + i)))
                                 << (8 * i));
  }
  return value;
}

std::string read_block(std::ifstream& file, uint64_t offset, size_t num_bytes) {
  std::string bytes(num_bytes, '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(num_bytes));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

struct Directory {
  uint64_t offset, bytes;
};

bool is_inside(uint64_t offset, uint64_t num_bytes, uint64_t file_bytes) {
  return offset <= file_bytes && num_bytes <= file_bytes - offset;
}

/// Where the list of members is, by the record at the archive's end.
Directory find_directory(std::ifstream& file, uint64_t file_bytes) {
  const uint64_t tail_bytes = std::min<uint64_t>(file_bytes, kEndBytes + 65535 + kWideLocatorBytes);
  const uint64_t tail_offset = file_bytes - tail_bytes;
  const std::string tail = read_block(file, tail_offset, tail_bytes);
  size_t end = tail.size() < kEndBytes ? 0 : tail.size() - kEndBytes;
  while (end > 0 && number_at<uint32_t>(tail, end) != kEndSignature) --end;
  if (number_at<uint32_t>(tail, end) != kEndSignature) throw std::out_of_range("no end record");
  const Directory narrow{number_at<uint32_t>(tail, end + 16), number_at<uint32_t>(tail, end + 12)};
  const bool has_locator =
      end >= kWideLocatorBytes &&
      number_at<uint32_t>(tail, end - kWideLocatorBytes) == kWideLocatorSignature;
  if (!has_locator) return narrow;
  const auto offset = number_at<uint64_t>(tail, end - kWideLocatorBytes + 8);
  const std::string wide = read_block(file, offset, kWideEndBytes);
  if (number_at<uint32_t>(wide, 0) != kWideEndSignature) throw std::out_of_range("no end record");
  return {number_at<uint64_t>(wide, 48), number_at<uint64_t>(wide, 40)};
}

/// Sizes that do not fit into 32 bits stand in the entry's extra field, in this order.
void widen(ZipMember& member, const std::string& extra) {
  for (size_t at = 0; at + 4 <= extra.size();) {
    size_t value = at + 4;
    const auto length = number_at<uint16_t>(extra, at + 2);
    if (number_at<uint16_t>(extra, at) == kWideField) {
      for (uint64_t* field : {&member.bytes, &member.stored_bytes, &member.header_offset}) {
        if (*field != 0xffffffff) continue;
        *field = number_at<uint64_t>(extra, value);
        value += 8;
      }
    }
    at += 4U + length;
  }
}

std::map<std::string, ZipMember> read_directory(const std::string& bytes) {
  std::map<std::string, ZipMember> members;
  for (size_t at = 0; at + kEntryBytes <= bytes.size();) {
    if (number_at<uint32_t>(bytes, at) != kEntrySignature) throw std::out_of_range("no entry");
    const auto name_bytes = number_at<uint16_t>(bytes, at + 28);
    const auto extra_bytes = number_at<uint16_t>(bytes, at + 30);
    const auto comment_bytes = number_at<uint16_t>(bytes, at + 32);
    ZipMember member{number_at<uint16_t>(bytes, at + 10), number_at<uint32_t>(bytes, at + 16),
                     number_at<uint32_t>(bytes, at + 20), number_at<uint32_t>(bytes, at + 24),
                     number_at<uint32_t>(bytes, at + 42)};
    widen(member, bytes.substr(at + kEntryBytes + name_bytes, extra_bytes));
    members[bytes.substr(at + kEntryBytes, name_bytes)] = member;
    at += kEntryBytes + name_bytes + extra_bytes + comment_bytes;
  }
  return members;
}

/// What the directory says of a member against the file's own length, before anybody asks for
/// memory.
void check_sizes(const std::filesystem::path& path, const ZipMember& member, uint64_t name_bytes) {
  const uint64_t begin = member.header_offset + kHeaderBytes + name_bytes;
  if (!is_inside(begin, member.stored_bytes, std::filesystem::file_size(path))) {
    fail(path, "has a member that reaches past its end");
  }
  const bool fits = member.method == 0
                        ? member.bytes == member.stored_bytes
                        : member.bytes <= member.stored_bytes * kMostUnpacked + kUnpackedSlack;
  if (!fits) {
    fail(path, "has a member of " + std::to_string(member.stored_bytes) +
                   " bytes that says to unpack to " + std::to_string(member.bytes));
  }
}

}  // namespace

struct ZipStream::State {
  State(const std::filesystem::path& where, const ZipMember& what)
      : path(where), member(what), file(where, std::ios::binary), buffer(size_t{1} << 16) {}
  ~State() { inflateEnd(&zlib); }

  void read_stored(uint8_t* bytes, size_t num_bytes) {
    file.read(reinterpret_cast<char*>(bytes), static_cast<std::streamsize>(num_bytes));
    if (!file) fail(path, "ends inside a member");
  }

  void refill() {
    const auto wanted = std::min<uint64_t>(buffer.size(), member.stored_bytes - stored_read);
    file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(wanted));
    if (wanted == 0 || !file) fail(path, "ends inside a member");
    stored_read += wanted;
    zlib.next_in = buffer.data();
    zlib.avail_in = static_cast<uInt>(wanted);
  }

  void read_deflated(uint8_t* bytes, size_t num_bytes) {
    zlib.next_out = bytes;
    zlib.avail_out = static_cast<uInt>(num_bytes);
    while (zlib.avail_out > 0) {
      if (zlib.avail_in == 0) refill();
      const int status = inflate(&zlib, Z_NO_FLUSH);
      const bool ended_early = status == Z_STREAM_END && zlib.avail_out > 0;
      if (ended_early || (status != Z_OK && status != Z_STREAM_END)) {
        fail(path, "has a member that does not inflate");
      }
    }
  }

  std::filesystem::path path;
  ZipMember member;
  std::ifstream file;
  std::vector<uint8_t> buffer;
  z_stream zlib{};
  uint64_t stored_read = 0, position = 0;
  uLong crc = 0;
  bool has_crc = true;
};

ZipStream::ZipStream(const std::filesystem::path& path, const ZipMember& member)
    : state_(std::make_unique<State>(path, member)) {
  if (!is_inside(member.header_offset, kHeaderBytes, std::filesystem::file_size(path))) {
    fail(path, "has no member where its directory says");
  }
  const std::string header = read_block(state_->file, member.header_offset, kHeaderBytes);
  if (header.size() < kHeaderBytes || number_at<uint32_t>(header, 0) != kHeaderSignature) {
    fail(path, "has no member where its directory says");
  }
  const uint64_t names = number_at<uint16_t>(header, 26) + number_at<uint16_t>(header, 28);
  state_->file.seekg(static_cast<std::streamoff>(member.header_offset + kHeaderBytes + names));
  if (member.method != 0 && member.method != Z_DEFLATED) fail(path, "uses another compression");
  check_sizes(path, member, names);
  if (inflateInit2(&state_->zlib, -MAX_WBITS) != Z_OK) fail(path, "cannot be inflated");
}

ZipStream::ZipStream(const std::filesystem::path& whole_file)
    : state_(std::make_unique<State>(whole_file, ZipMember{})) {
  if (!state_->file) {
    throw FileError("cannot read " + whole_file.string() + ": " + std::strerror(errno));
  }
  state_->member.bytes = std::filesystem::file_size(whole_file);
  state_->has_crc = false;
}

ZipStream::~ZipStream() = default;
ZipStream::ZipStream(ZipStream&&) noexcept = default;

void ZipStream::read(void* bytes, size_t num_bytes) {
  constexpr size_t kPieceBytes = size_t{1} << 30;  // zlib counts in 32 bits
  auto* target = static_cast<uint8_t*>(bytes);
  if (num_bytes > bytes_left()) fail(state_->path, "ends inside a member");
  while (num_bytes > 0) {
    const size_t piece = std::min(num_bytes, kPieceBytes);
    state_->member.method == 0 ? state_->read_stored(target, piece)
                               : state_->read_deflated(target, piece);
    state_->crc = ::crc32(state_->crc, target, static_cast<uInt>(piece));
    state_->position += piece;
    target += piece;
    num_bytes -= piece;
  }
  const bool is_at_end = state_->has_crc && state_->position == state_->member.bytes;
  if (is_at_end && state_->crc != state_->member.crc32) {
    fail(state_->path, "has a member whose CRC-32 does not match");
  }
}

uint64_t ZipStream::bytes_left() const { return state_->member.bytes - state_->position; }

ZipFile::ZipFile(std::filesystem::path path) : path_(std::move(path)) {
  require_regular_file(path_);
  std::ifstream file(path_, std::ios::binary);
  if (!file) throw FileError("cannot read " + path_.string() + ": " + std::strerror(errno));
  try {
    const auto file_bytes = std::filesystem::file_size(path_);
    const auto directory = find_directory(file, file_bytes);
    if (!is_inside(directory.offset, directory.bytes, file_bytes)) {
      throw std::out_of_range("a directory outside of the file");
    }
    members_ = read_directory(read_block(file, directory.offset, directory.bytes));
  } catch (const std::out_of_range&) {
    fail(path_, "has no readable directory of members");
  }
}

std::vector<std::string> ZipFile::names() const {
  std::vector<std::string> result;
  for (const auto& [name, member] : members_) result.push_back(name);
  return result;
}

ZipStream ZipFile::open(const std::string& name) const {
  return ZipStream(path_, members_.at(name));
}

}  // namespace nextframe
