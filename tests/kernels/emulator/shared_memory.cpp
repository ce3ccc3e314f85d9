#include "tests/kernels/emulator/shared_memory.h"

#include <algorithm>
#include <cstring>

namespace nextframe::emulator {
namespace {

constexpr uint8_t kPoison = 0xff;  // not a number in every format
constexpr size_t kManyReaders = 16;

}  // namespace

SharedMemory::SharedMemory(uint32_t bytes, uint32_t threads, Blame blame)
    : bytes_(bytes, kPoison), words_(bytes / 4), threads_(threads), blame_(std::move(blame)) {}

bool SharedMemory::is_inside(uint32_t at, uint32_t bytes, const char* what) {
  const bool fits = uint64_t{at} + bytes <= bytes_.size() && at % bytes == 0;
  if (!fits) {
    blame_(std::string(what) + " " + std::to_string(bytes) + " bytes at " + std::to_string(at) +
           ", outside of " + std::to_string(bytes_.size()) + " shared bytes or not aligned");
  }
  return fits;
}

std::string SharedMemory::name_of(const Trace& who) const {
  if (who.count > 1) return "warp " + std::to_string(who.agent / 32);
  if (who.agent < threads_) return "thread " + std::to_string(who.agent);
  const uint32_t other = who.agent - threads_;
  return other < threads_ / 32 ? "a product of warp " + std::to_string(other) : "a bulk copy";
}

void SharedMemory::blame_race(const char* what, uint32_t at, const char* before, const Trace& who,
                              const Moment& now) {
  blame_(std::string(what) + " shared byte " + std::to_string(at) + " that " + name_of(who) + " " +
         before +
         (now.is_behind(who) ? " with no fence for the asynchronous proxy between"
                             : " with no barrier between"));
}

void SharedMemory::check_read(uint32_t from, uint32_t bytes, const Moment& now,
                              bool is_asynchronous) {
  for (uint32_t at = from; at < from + bytes; at += 4) {
    const Word& word = words_[at / 4];
    if (word.is_expected) {
      blame_("reads shared byte " + std::to_string(at) + " before the wait for its copy");
    } else if (!word.is_written) {
      blame_("reads shared byte " + std::to_string(at) + " that nothing wrote");
    } else if (!(is_asynchronous ? now.is_fenced_behind(word.writer)
                                 : now.is_behind(word.writer))) {
      blame_race("reads", at, "wrote", word.writer, now);
    }
  }
}

void SharedMemory::remember_reader(uint32_t from, uint32_t bytes, const Moment& now,
                                   const Trace& reader) {
  for (uint32_t at = from; at < from + bytes; at += 4) {
    auto& readers = words_[at / 4].readers;
    const auto same = std::find_if(readers.begin(), readers.end(),
                                   [&](const Trace& other) { return other.is_of(reader); });
    if (same != readers.end()) {
      same->step = reader.step;
      continue;
    }
    if (readers.size() >= kManyReaders) {
      readers.erase(std::remove_if(readers.begin(), readers.end(),
                                   [&](const Trace& other) { return now.is_behind(other); }),
                    readers.end());
    }
    readers.push_back(reader);
  }
}

void SharedMemory::read(uint32_t from, void* to, uint32_t bytes, const Moment& now) {
  std::memset(to, kPoison, bytes);
  if (!is_inside(from, bytes, "reads")) return;
  std::memcpy(to, &bytes_[from], bytes);
  check_read(from, bytes, now, false);
  remember_reader(from, bytes, now, now.trace);
}

void SharedMemory::check_write(uint32_t to, uint32_t bytes, const Moment& now,
                               bool is_asynchronous) {
  for (uint32_t at = to; at < to + bytes; at += 4) {
    const Word& word = words_[at / 4];
    for (const auto& reader : word.readers) {
      if (!now.is_behind(reader)) blame_race("writes", at, "read", reader, now);
    }
    if (word.is_expected) {
      blame_("writes shared byte " + std::to_string(at) + " before the wait for its copy");
    } else if (word.is_written && !(is_asynchronous ? now.is_fenced_behind(word.writer)
                                                    : now.is_behind(word.writer))) {
      blame_race("writes", at, "wrote", word.writer, now);
    }
  }
}

void SharedMemory::write(uint32_t to, const void* from, uint32_t bytes, const Moment& now) {
  if (!is_inside(to, bytes, "writes")) return;
  check_write(to, bytes, now, false);
  land_copy(to, from, bytes, now.trace);
}

void SharedMemory::expect_copy(uint32_t to, uint32_t bytes, const Moment& now) {
  if (!is_inside(to, bytes, "copies to")) return;
  check_write(to, bytes, now, false);
  std::memset(&bytes_[to], kPoison, bytes);
  for (uint32_t at = to; at < to + bytes; at += 4) words_[at / 4] = {true, true, now.trace, {}};
}

void SharedMemory::expect_bulk_copy(uint32_t to, uint32_t bytes, const Moment& now) {
  if (!is_inside(to, bytes, "copies to")) return;
  check_write(to, bytes, now, true);
  std::memset(&bytes_[to], kPoison, bytes);
  for (uint32_t at = to; at < to + bytes; at += 4) words_[at / 4] = {true, true, now.trace, {}};
}

void SharedMemory::land_copy(uint32_t to, const void* from, uint32_t bytes, const Trace& writer) {
  if (uint64_t{to} + bytes > bytes_.size()) return;
  std::memcpy(&bytes_[to], from, bytes);
  for (uint32_t at = to; at < to + bytes; at += 4) words_[at / 4] = {true, false, writer, {}};
}

void SharedMemory::expect_product(uint32_t from, uint32_t bytes, const Moment& now,
                                  const Trace& reader) {
  if (!is_inside(from, bytes, "multiplies")) return;
  check_read(from, bytes, now, true);
  remember_reader(from, bytes, now, reader);
}

void SharedMemory::read_for_product(uint32_t from, void* to, uint32_t bytes) const {
  std::memset(to, kPoison, bytes);
  if (uint64_t{from} + bytes <= bytes_.size()) std::memcpy(to, &bytes_[from], bytes);
}

}  // namespace nextframe::emulator
