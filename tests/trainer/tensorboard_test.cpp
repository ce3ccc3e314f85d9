#include "trainer/records/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>

#include "data/durable_file.h"

namespace nextframe {
namespace {

TEST(TensorBoard, ChecksumIsCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);            // the check value of CRC-32C
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
}

TEST(TensorBoard, RecordsFollowEachOtherByTheirLengths) {
  const std::filesystem::path folder = testing::TempDir() + "tensorboard";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    TensorBoard board(folder, 0, [](const std::string& line) { FAIL() << line; });
    StepRecord record;
    record.step = 5, record.loss = 0.25;
    board.append(record);
  }
  const auto bytes = read_text(std::filesystem::directory_iterator(folder)->path());
  size_t at = 0, records = 0;
  while (at < bytes.size()) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    at += 12 + length + 4;
    ++records;
  }
  EXPECT_EQ(at, bytes.size());
  EXPECT_EQ(records, 3u);
  EXPECT_NE(bytes.find("brain.Event:2"), std::string::npos);
  EXPECT_NE(bytes.find("grad_norm"), std::string::npos);
}

}  // namespace
}  // namespace nextframe
