// This file is a block's shared memory that knows of every word who wrote and read it, and when.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nextframe::emulator {

/// Who acts, and how many barriers were before. A warp-wide instruction acts for all of its lanes.
struct Moment {
  static constexpr int32_t kSeveral = -1;

  int32_t thread, warp;  // kSeveral: more than one of the warp, of the block
  uint32_t warp_barriers, block_barriers;

  /// Whether a barrier stands between this and `later`, or one thread did both.
  bool is_before(const Moment& later) const;
};

class SharedMemory {
 public:
  using Blame = std::function<void(const std::string&)>;

  SharedMemory(uint32_t bytes, Blame blame);

  void read(uint32_t from, void* to, uint32_t bytes, const Moment& now);
  void write(uint32_t to, const void* from, uint32_t bytes, const Moment& now);

  /// A copy is on its way: until it lands, its bytes are poison that nobody may touch.
  void expect_copy(uint32_t to, uint32_t bytes, const Moment& now);
  void land_copy(uint32_t to, const void* from, uint32_t bytes, const Moment& now);

 private:
  struct Word {
    bool is_written = false, is_expected = false, is_read = false;
    Moment writer{}, reader{};
  };

  bool is_inside(uint32_t at, uint32_t bytes, const char* what);
  void check_write(uint32_t to, uint32_t bytes, const Moment& now);
  void blame_race(const char* what, uint32_t at, const char* before, const Moment& who);

  std::vector<uint8_t> bytes_;
  std::vector<Word> words_;
  Blame blame_;
};

}  // namespace nextframe::emulator
