#include "tests/kernels/emulator/shared_memory.h"

#include <cstring>

namespace nextframe::emulator {
namespace {

constexpr uint8_t kPoison = 0xff;  // not a number in every format

}  // namespace

bool Moment::is_before(const Moment& later) const {
  if (block_barriers < later.block_barriers) return true;
  if (warp == kSeveral || warp != later.warp) return false;
  return warp_barriers < later.warp_barriers || (thread != kSeveral && thread == later.thread);
}

SharedMemory::SharedMemory(uint32_t bytes, Blame blame)
    : bytes_(bytes, kPoison), words_(bytes / 4), blame_(std::move(blame)) {}

bool SharedMemory::is_inside(uint32_t at, uint32_t bytes, const char* what) {
  const bool fits = uint64_t{at} + bytes <= bytes_.size() && at % bytes == 0;
  if (!fits) {
    blame_(std::string(what) + " " + std::to_string(bytes) + " bytes at " + std::to_string(at) +
           ", outside of " + std::to_string(bytes_.size()) + " shared bytes or not aligned");
  }
  return fits;
}

void SharedMemory::blame_race(const char* what, uint32_t at, const char* before,
                              const Moment& who) {
  const auto name = who.thread != Moment::kSeveral ? "thread " + std::to_string(who.thread)
                    : who.warp != Moment::kSeveral ? "warp " + std::to_string(who.warp)
                                                   : std::string("others");
  blame_(std::string(what) + " shared byte " + std::to_string(at) + " that " + name + " " + before +
         " with no barrier between");
}

void SharedMemory::read(uint32_t from, void* to, uint32_t bytes, const Moment& now) {
  std::memset(to, kPoison, bytes);
  if (!is_inside(from, bytes, "reads")) return;
  std::memcpy(to, &bytes_[from], bytes);
  for (uint32_t at = from; at < from + bytes; at += 4) {
    Word& word = words_[at / 4];
    if (word.is_expected) {
      blame_("reads shared byte " + std::to_string(at) + " before the wait for its copy");
    } else if (!word.is_written) {
      blame_("reads shared byte " + std::to_string(at) + " that nothing wrote");
    } else if (!word.writer.is_before(now)) {
      blame_race("reads", at, "wrote", word.writer);
    }
    if (word.is_read && !word.reader.is_before(now)) {  // two at a time: both are remembered
      word.reader.thread = Moment::kSeveral;
      if (word.reader.warp != now.warp) word.reader.warp = Moment::kSeveral;
    } else {
      word.reader = now;
    }
    word.is_read = true;
  }
}

void SharedMemory::check_write(uint32_t to, uint32_t bytes, const Moment& now) {
  for (uint32_t at = to; at < to + bytes; at += 4) {
    const Word& word = words_[at / 4];
    if (word.is_read && !word.reader.is_before(now)) blame_race("writes", at, "read", word.reader);
    if (word.is_written && !word.writer.is_before(now)) {
      blame_race("writes", at, "wrote", word.writer);
    }
    if (word.is_expected) {
      blame_("writes shared byte " + std::to_string(at) + " before the wait for its copy");
    }
  }
}

void SharedMemory::write(uint32_t to, const void* from, uint32_t bytes, const Moment& now) {
  if (!is_inside(to, bytes, "writes")) return;
  check_write(to, bytes, now);
  std::memcpy(&bytes_[to], from, bytes);
  for (uint32_t at = to; at < to + bytes; at += 4) words_[at / 4] = {true, false, false, now, {}};
}

void SharedMemory::expect_copy(uint32_t to, uint32_t bytes, const Moment& now) {
  if (!is_inside(to, bytes, "copies to")) return;
  check_write(to, bytes, now);
  std::memset(&bytes_[to], kPoison, bytes);
  for (uint32_t at = to; at < to + bytes; at += 4) words_[at / 4] = {true, true, false, now, {}};
}

void SharedMemory::land_copy(uint32_t to, const void* from, uint32_t bytes, const Moment& now) {
  if (uint64_t{to} + bytes > bytes_.size()) return;
  std::memcpy(&bytes_[to], from, bytes);
  for (uint32_t at = to; at < to + bytes; at += 4) words_[at / 4] = {true, false, false, now, {}};
}

}  // namespace nextframe::emulator
