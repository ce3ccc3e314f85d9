// A block's shared memory, which knows for every word who wrote and read it, and when.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/kernels/emulator/order.h"

namespace nextframe::emulator {

class SharedMemory {
 public:
  using Blame = std::function<void(const std::string&)>;

  SharedMemory(uint32_t bytes, uint32_t threads, Blame blame);

  void read(uint32_t from, void* to, uint32_t bytes, const Moment& now);
  void write(uint32_t to, const void* from, uint32_t bytes, const Moment& now);

  /// A copy is on its way: until it lands, its bytes are poison that nobody may touch.
  void expect_copy(uint32_t to, uint32_t bytes, const Moment& now);
  void land_copy(uint32_t to, const void* from, uint32_t bytes, const Trace& writer);

  /// The same for the asynchronous proxy: threads' writes must be fenced.
  void expect_bulk_copy(uint32_t to, uint32_t bytes, const Moment& now);
  /// Will be read by `reader`, from now on until that step is over.
  void expect_product(uint32_t from, uint32_t bytes, const Moment& now, const Trace& reader);
  void read_for_product(uint32_t from, void* to, uint32_t bytes) const;

 private:
  struct Word {
    bool is_written = false, is_expected = false;
    Trace writer;
    std::vector<Trace> readers;
  };

  bool is_inside(uint32_t at, uint32_t bytes, const char* what);
  void check_write(uint32_t to, uint32_t bytes, const Moment& now, bool is_asynchronous);
  void check_read(uint32_t from, uint32_t bytes, const Moment& now, bool is_asynchronous);
  void remember_reader(uint32_t from, uint32_t bytes, const Moment& now, const Trace& reader);
  void blame_race(const char* what, uint32_t at, const char* before, const Trace& who,
                  const Moment& now);
  std::string name_of(const Trace& who) const;

  std::vector<uint8_t> bytes_;
  std::vector<Word> words_;
  uint32_t threads_;
  Blame blame_;
};

}  // namespace nextframe::emulator
