// The functions of kernels/cuda/ptx_hopper.h on the emulated machine.
#include "kernels/cuda/ptx_hopper.h"
#include "tests/kernels/emulator/half.h"
#include "tests/kernels/emulator/machine.h"
#include "tests/kernels/emulator/phase_barriers.h"
#include "tests/kernels/emulator/tensor_cores.h"

namespace nextframe::ptx {

using emulator::Machine;
using emulator::Product;
using emulator::Thread;

namespace {

Machine& machine() { return Machine::current(); }

template <class Half>
float widened(uint16_t bits) {
  return emulator::widened(Half(), bits);
}

template <class Half, int kBlocks>
void start(float (&sums)[kBlocks][4], const uint32_t* left, uint64_t left_descriptor,
           uint64_t right_descriptor, bool adds) {
  Product product{widened<Half>,   kBlocks,         &sums[0][0],      adds,
                  left != nullptr, left_descriptor, right_descriptor, {}};
  for (int i = 0; left != nullptr && i < 4; ++i) product.left[i] = left[i];
  machine().tensor_cores().start(product);
}

}  // namespace

// ---- Threads

void bar_sync_some(uint32_t number, uint32_t count) { machine().meet_some(number, count); }
void setmaxnreg(int registers) {
  if (registers % 8 != 0 || registers < 24 || registers > 256) {
    machine().blame("asks for a number of registers that there is not");
  }
  machine().set_registers(tid() / emulator::kLanes, static_cast<uint32_t>(registers));
  machine().meet("setmaxnreg", [](Machine&, Thread*) {});
}
void fence_proxy_async() { machine().fence_for_asynchronous(); }

// ---- Barriers in shared memory and bulk copies

void mbarrier_init(Shared barrier, uint32_t count) {
  machine().phase_barriers().init(barrier, count);
}
void mbarrier_arrive(Shared barrier) { machine().phase_barriers().arrive(barrier, 0); }
void mbarrier_arrive_expect_tx(Shared barrier, uint32_t bytes) {
  machine().phase_barriers().arrive(barrier, bytes);
}
void mbarrier_wait(Shared barrier, uint32_t parity) {
  machine().phase_barriers().wait(barrier, parity);
}
void tma_load(Shared to, const TensorMap& map, const int32_t (&place)[5], Shared barrier) {
  machine().phase_barriers().copy(to, map, place, barrier);
}

// ---- Products of a group

template <int kBlocks>
void wgmma_rows(Bf16, float (&sums)[kBlocks][4], uint64_t left, uint64_t right, bool adds) {
  start<Bf16>(sums, nullptr, left, right, adds);
}
template <int kBlocks>
void wgmma_rows(Fp16, float (&sums)[kBlocks][4], uint64_t left, uint64_t right, bool adds) {
  start<Fp16>(sums, nullptr, left, right, adds);
}
template <int kBlocks>
void wgmma_columns(Bf16, float (&sums)[kBlocks][4], const uint32_t (&left)[4], uint64_t right,
                   bool adds) {
  start<Bf16>(sums, left, 0, right, adds);
}
template <int kBlocks>
void wgmma_columns(Fp16, float (&sums)[kBlocks][4], const uint32_t (&left)[4], uint64_t right,
                   bool adds) {
  start<Fp16>(sums, left, 0, right, adds);
}
#define NF_PRODUCTS(Half, blocks)                                                                \
  template void wgmma_rows<blocks>(Half, float(&)[blocks][4], uint64_t, uint64_t, bool);         \
  template void wgmma_columns<blocks>(Half, float(&)[blocks][4], const uint32_t(&)[4], uint64_t, \
                                      bool);
NF_PRODUCTS(Bf16, 8)
NF_PRODUCTS(Bf16, 16)
NF_PRODUCTS(Fp16, 8)
NF_PRODUCTS(Fp16, 16)
#undef NF_PRODUCTS

void wgmma_fence_all() { machine().tensor_cores().fence(); }
void wgmma_commit() { machine().tensor_cores().commit(); }
void wgmma_wait_for(int newest) { machine().tensor_cores().wait(static_cast<uint32_t>(newest)); }

}  // namespace nextframe::ptx
