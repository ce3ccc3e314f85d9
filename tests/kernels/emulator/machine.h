// The threads of a block as they run, and where they synchronise.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "tests/kernels/emulator/emulator.h"
#include "tests/kernels/emulator/fiber.h"
#include "tests/kernels/emulator/shared_memory.h"

namespace nextframe::emulator {

inline constexpr uint32_t kLanes = 32;
inline constexpr uint32_t kMostPhaseBarriers = 64;

class Machine;
class PhaseBarriers;
class TensorCores;

struct Thread {
  enum class State { runs, waits_for_warp, waits_for_block, waits, is_done };
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
  std::function<bool()> may_go;           // it waits until this is true
  uint32_t named_barrier;                 // it waits at this one, 0: none
  std::vector<std::vector<Copy>> copies;  // groups, the last still open
  std::vector<Access> accesses;           // of shared memory since the warp last met
  Knowledge known, fenced;
  Fiber fiber;
};

class Machine {
 public:
  Machine(const Grid& grid, const std::vector<Memory>& memory);
  ~Machine();

  Report run(const std::function<void()>& body);

  /// The one whose body is running.
  static Machine& current();
  Thread& thread() { return threads_[running_]; }
  Thread& thread(uint32_t number) { return threads_[number]; }
  uint32_t block() const { return block_; }
  const Grid& grid() const { return grid_; }
  SharedMemory& shared() { return *shared_; }
  PhaseBarriers& phase_barriers() { return *phase_barriers_; }
  TensorCores& tensor_cores() { return *tensor_cores_; }

  /// Waits for the other lanes; the last to come does the instruction for all.
  void meet(const char* name, void (*instruction)(Machine&, Thread* lanes));
  void meet_block();
  /// Of `count` threads, at barrier `number` > 0.
  void meet_some(uint32_t number, uint32_t count);
  void wait_until(std::function<bool()> may_go);
  /// Some time from now, of a length that nobody can count on.
  void later(std::function<void()> act);

  Moment now();
  Moment now_of_warp();  // its lanes together
  /// What this thread knows and has done, for others to learn; what it does next is not of that.
  Knowledge told();
  Knowledge told_fenced() { return thread().fenced; }
  void fence_for_asynchronous();
  /// Threads [first, first + count), whole warps, learn of each other.
  void order(uint32_t first, uint32_t count);
  uint32_t agents() const;
  uint32_t agent_of_products(uint32_t warp) const { return grid_.threads + warp; }
  uint32_t agent_of_barrier(uint32_t number) const {
    return grid_.threads + grid_.threads / kLanes + number;
  }

  void count_access(uint32_t at, uint32_t bytes) { thread().accesses.push_back({at, bytes}); }
  /// ldmatrix: eight rows of 16 bytes a turn.
  void count_phase(const std::vector<Thread::Access>& together);
  /// False, with a fault, if the kernel may not touch these bytes.
  bool is_global(const void* at, int64_t bytes, const char* what);
  void set_registers(uint32_t warp, uint32_t registers) { registers_[warp] = registers; }
  void blame(const std::string& what);

 private:
  struct Event {
    uint64_t due;
    std::function<void()> act;
  };

  void start_block(const std::function<void()>& body);
  void check_end_of_block();
  bool resume_all();
  bool let_warp_go(Thread* lanes);
  bool let_block_go();
  bool let_waiting_go();
  bool let_named_go();
  bool do_events(bool at_once);
  void count_conflicts(Thread* lanes);

  Grid grid_;
  std::vector<Memory> memory_;
  std::vector<Thread> threads_;
  std::vector<uint32_t> steps_, registers_;  // of warps
  std::unique_ptr<SharedMemory> shared_;
  std::unique_ptr<PhaseBarriers> phase_barriers_;
  std::unique_ptr<TensorCores> tensor_cores_;
  std::vector<Event> events_;
  std::vector<uint32_t> named_counts_;
  std::mt19937 random_;
  uint64_t clock_ = 0;
  uint32_t running_ = 0, block_ = 0;
  bool is_stuck_ = false;
  Report report_;
};

}  // namespace nextframe::emulator
