#include "data/direct_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "data/durable_file.h"
#include "data/error.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

TEST(DirectReader, ReadsEveryByteInPartsOfAnySize) {
  const ScratchFolder scratch;
  std::string bytes((size_t{17} << 20) + 321, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + i / 4096);
  write_durably(scratch / "file", bytes);
  for (const size_t part_bytes : {size_t{1000003}, size_t{8} << 20, bytes.size()}) {
    DirectReader file(scratch / "file");
    std::string read(bytes.size(), '\0');
    for (size_t at = 0; at < bytes.size(); at += part_bytes)
      file.read(read.data() + at, std::min(part_bytes, bytes.size() - at));
    EXPECT_TRUE(read == bytes) << part_bytes;
  }
}

TEST(DirectReader, AFileThatEndsTooEarlyIsNamed) {
  const ScratchFolder scratch;
  write_durably(scratch / "file", "ten bytes.");
  DirectReader file(scratch / "file");
  char bytes[11];
  try {
    file.read(bytes, sizeof bytes);
    FAIL() << "nothing was thrown";
  } catch (const FileError& error) {
    EXPECT_EQ(error.what(), "cannot read " + (scratch / "file").string() + ": it ends too early");
  }
}

}  // namespace
}  // namespace nextframe
