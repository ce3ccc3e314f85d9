// Barriers in shared memory (mbarrier), which change phase when all expected threads have arrived
// and all expected bytes have landed; and the bulk copies that land there.
#pragma once

#include <map>

#include "kernels/cuda/ptx_hopper.h"
#include "tests/kernels/emulator/machine.h"

namespace nextframe::emulator {

class PhaseBarriers {
 public:
  explicit PhaseBarriers(Machine& machine) : machine_(machine) {}

  void init(uint32_t at, uint32_t count);
  void arrive(uint32_t at, uint32_t expected_bytes);
  void wait(uint32_t at, uint32_t parity);
  void copy(uint32_t to, const TensorMap& map, const int32_t (&place)[5], uint32_t at);

 private:
  struct Barrier {
    uint32_t number, count, awaited, phase;
    int64_t bytes;  // that are still to land
    Trace maker;
    Knowledge told, told_fenced;  // by those who arrived
    Knowledge known, fenced;      // when the last phase ended
  };

  Barrier* find(uint32_t at, const char* what);
  void end_phase_if_complete(Barrier& barrier);
  void land(uint32_t to, const TensorMap& map, const int32_t (&place)[5], uint32_t at);

  Machine& machine_;
  std::map<uint32_t, Barrier> barriers_;
};

/// As the driver would encode it.
TensorMap encode(const TensorBox& box);

}  // namespace nextframe::emulator
