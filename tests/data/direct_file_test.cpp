#include "data/direct_file.h"

#include <gtest/gtest.h>

#include <string>

#include "data/durable_file.h"
#include "data/error.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

std::string counting_bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * 31 + i / 4096);
  return bytes;
}

/// Writes `bytes` in parts of one size to `path`, and reads them again.
std::string written_and_read(const std::filesystem::path& path, const std::string& bytes,
                             size_t part_bytes) {
  DirectFile file(path);
  for (size_t at = 0; at < bytes.size(); at += part_bytes)
    file.append(bytes.data() + at, std::min(part_bytes, bytes.size() - at));
  EXPECT_EQ(file.bytes_appended(), static_cast<int64_t>(bytes.size()));
  file.finish();
  return read_text(path);
}

TEST(DirectFile, KeepsEveryByteOfAnySize) {
  const ScratchFolder scratch;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{4097}, size_t{8} << 20,
                            (size_t{8} << 20) + 1, (size_t{20} << 20) + 12345}) {
    const auto bytes = counting_bytes(size);
    EXPECT_TRUE(written_and_read(scratch / "file", bytes, 262140) == bytes) << size;
    EXPECT_TRUE(written_and_read(scratch / "file", bytes, 9437184) == bytes) << size;
  }
}

TEST(DirectFile, WorksWhereTheFileSystemHasNoDirectWrites) {
  const std::filesystem::path path = "/dev/shm/nextframe-direct-file-test";
  const auto bytes = counting_bytes(100001);
  EXPECT_TRUE(written_and_read(path, bytes, 1000) == bytes);
  std::filesystem::remove(path);
}

TEST(DirectFile, AFullDiskIsNamed) {
  DirectFile file("/dev/full");
  file.append("x", 1);
  try {
    file.finish();
    FAIL() << "nothing was thrown";
  } catch (const FileError& error) {
    EXPECT_EQ(std::string(error.what()), "cannot write /dev/full: No space left on device");
  }
}

}  // namespace
}  // namespace nextframe
