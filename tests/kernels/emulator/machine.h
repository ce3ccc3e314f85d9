// This file is the threads of a block as they run, and where they meet.
#pragma once

#include <memory>
#include <vector>

#include "tests/kernels/emulator/emulator.h"
#include "tests/kernels/emulator/fiber.h"
#include "tests/kernels/emulator/shared_memory.h"

namespace nextframe::emulator {

inline constexpr uint32_t kLanes = 32;

class Machine;

struct Thread {
  enum class State { runs, waits_for_warp, waits_for_block, is_done };
  struct Copy {
    uint32_t to;
    const void* from;  // null: zeros
  };
  struct Access {
    uint32_t at, bytes;
  };
  /// What a warp-wide instruction is given, and gives.
  struct Operands {
    uint32_t row, words[4], right[2];
    float sums[4], value;
  };

  uint32_t number;
  State state;
  void (*instruction)(Machine&, Thread* lanes);  // it waits with all lanes to do this
  const char* instruction_name;
  Operands operands;
  std::vector<std::vector<Copy>> copies;  // groups, the last still open
  std::vector<Access> accesses;           // of shared memory since the warp last met
  Fiber fiber;
};

class Machine {
 public:
  Machine(const Grid& grid, const std::vector<Memory>& memory);

  Report run(const std::function<void()>& body);

  /// The one whose body is running.
  static Machine& current();
  Thread& thread() { return threads_[running_]; }
  uint32_t block() const { return block_; }
  const Grid& grid() const { return grid_; }
  SharedMemory& shared() { return *shared_; }

  /// Waits for the other lanes; the last to come does the instruction for all.
  void meet(const char* name, void (*instruction)(Machine&, Thread* lanes));
  void meet_block();

  Moment now() const;
  Moment now_of_warp() const;  // its lanes together
  void count_access(uint32_t at, uint32_t bytes) { thread().accesses.push_back({at, bytes}); }
  /// ldmatrix: eight rows of 16 bytes a turn.
  void count_phase(const std::vector<Thread::Access>& together);
  /// False, with a fault, if the kernel may not touch these bytes.
  bool is_global(const void* at, int64_t bytes, const char* what);
  void pass_warp_barrier() { ++warp_barriers_[running_ / kLanes]; }

 private:
  void run_block(const std::function<void()>& body);
  bool resume_all();
  bool let_warp_go(Thread* lanes);
  bool let_block_go();
  void count_conflicts(Thread* lanes);
  void blame(const std::string& what);

  Grid grid_;
  std::vector<Memory> memory_;
  std::vector<Thread> threads_;
  std::vector<uint32_t> warp_barriers_;
  uint32_t block_barriers_ = 0;
  std::unique_ptr<SharedMemory> shared_;
  uint32_t running_ = 0, block_ = 0;
  bool is_stuck_ = false;
  Report report_;
};

}  // namespace nextframe::emulator
