#include "trainer/records/tensorboard.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <charconv>
#include <chrono>

namespace nextframe {
namespace {

template <class Number>
std::string little_endian(Number number) {
  std::string bytes(sizeof(number), '\0');
  for (auto& byte : bytes) byte = static_cast<char>(number & 0xff), number >>= 8;
  return bytes;
}

std::string varint(uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  return bytes + static_cast<char>(number);
}

// Protocol buffer fields: the key is (number << 3) | wire type.
std::string double_field(int number, double value) {
  return varint(static_cast<uint64_t>(number) << 3 | 1) +
         little_endian(std::bit_cast<uint64_t>(value));
}
std::string float_field(int number, float value) {
  return varint(static_cast<uint64_t>(number) << 3 | 5) +
         little_endian(std::bit_cast<uint32_t>(value));
}
std::string integer_field(int number, int64_t value) {
  return varint(static_cast<uint64_t>(number) << 3) + varint(static_cast<uint64_t>(value));
}
std::string bytes_field(int number, const std::string& value) {
  return varint(static_cast<uint64_t>(number) << 3 | 2) + varint(value.size()) + value;
}

/// The checksum as TFRecord stores it, so that a record of records does not confuse its reader.
uint32_t masked_crc(const std::string& bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

uint32_t crc32c(const std::string& bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
      entries[i] = value;
    }
    return entries;
  }();
  uint32_t crc = ~0u;
  for (const char byte : bytes)
    crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

namespace {

constexpr char kEvents[] = "events.out.tfevents.";

/// Its time is now, or a second later than that of the newest file: TensorBoard reads files in the
/// order of their names, and a clock may be set back.
std::filesystem::path new_events_file(const std::filesystem::path& folder) {
  auto time = static_cast<int64_t>(now_s());
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    int64_t other = 0;
    if (!name.starts_with(kEvents)) continue;
    std::from_chars(name.data() + sizeof(kEvents) - 1, name.data() + name.size(), other);
    if (other < 9'999'999'999) time = std::max(time, other + 1);  // ten digits, as text sorts them
  }
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  return folder / (kEvents + std::to_string(time) + "." + host + "." + std::to_string(getpid()));
}

}  // namespace

TensorBoard::TensorBoard(const std::filesystem::path& folder, int64_t last_step,
                         const LogFile::Tell& tell)
    : file_(new_events_file(folder), tell) {
  write_event(double_field(1, now_s()) + bytes_field(3, "brain.Event:2"));
  // SessionLog START: events of earlier files from its step on are orphaned, that step included.
  write_event(double_field(1, now_s()) + integer_field(2, last_step + 1) +
              bytes_field(7, integer_field(1, 1)));
}

void TensorBoard::write_event(const std::string& body) {
  const auto length = little_endian(static_cast<uint64_t>(body.size()));
  file_.append(length + little_endian(masked_crc(length)) + body + little_endian(masked_crc(body)));
}

void TensorBoard::append(const StepRecord& record) {
  std::string summary;
  const auto scalar = [&](const std::string& tag, double value) {
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  };
  scalar("loss", record.loss);
  scalar("grad_norm", record.grad_norm);
  scalar("lr", record.lr);
  scalar("speed/frames_per_s", record.frames_per_s);
  scalar("speed/data_wait_s", record.data_wait_s);
  scalar("speed/comm_exposed_s", record.comm_exposed_s);
  for (const auto& [name, value] : record.statistics) scalar("statistics/" + name, value);
  write_event(double_field(1, now_s()) + integer_field(2, record.step) + bytes_field(5, summary));
}

}  // namespace nextframe
