// The instructions that sm_90a adds to kernels/cuda/ptx.h: barriers in shared memory (mbarrier),
// bulk tensor copies (TMA), and products by warp groups (wgmma).
//
// nvcc compiles them to that instruction (ptx_sm90.cuh); in tests they are defined in
// tests/kernels/emulator, where bulk copies and products end late.
#pragma once

#include "kernels/cuda/ptx.h"
#include "kernels/cuda/tensor_box.h"

namespace nextframe::ptx {

// ---- Threads

/// Barrier `number` of 1 to 15, of `count` threads: whole warps.
NF_PTX void bar_sync_some(uint32_t number, uint32_t count);
/// By all four warps of a group: gives registers of each thread back, or waits for more. A multiple
/// of 8.
template <int kRegisters>
NF_PTX void setmaxnreg_dec();
template <int kRegisters>
NF_PTX void setmaxnreg_inc();
/// The asynchronous proxy, that is bulk copies and products of groups, sees what this thread wrote
/// to shared memory, or what it knows of that others did.
NF_PTX void fence_proxy_async();

// ---- Barriers in shared memory, of 8 bytes

/// A phase ends when `count` threads have arrived and all expected bytes have landed.
NF_PTX void mbarrier_init(Shared barrier, uint32_t count);
NF_PTX void mbarrier_arrive(Shared barrier);
NF_PTX void mbarrier_arrive_expect_tx(Shared barrier, uint32_t bytes);
/// Until the phase of that parity is over; parity 1 before the first.
NF_PTX void mbarrier_wait(Shared barrier, uint32_t parity);

// ---- Bulk copies

/// A box from (column, position, head, inner, outer) on, whose bytes count at the barrier.
/// Swizzled: to a multiple of 1,024 bytes.
NF_PTX void tma_load(Shared to, const TensorMap& map, const int32_t (&place)[5], Shared barrier);

// ---- Products of a group: four warps whose first thread's number is a multiple of 128

/// Sums [64, 8 kBlocks] of a group: warp w has rows 16 w to 16 w + 15, as mma_m16n8k16 has them.
/// All of the group call it in step. Operands in shared memory are named by descriptors
/// (kernels/cuda/hopper_matrix.cuh). sums = left right + (adds ? sums : 0); left [64, 16].
/// From here until the wait nobody may touch the sums, nor write the operands.
template <int kBlocks>
NF_PTX void wgmma_rows(Bf16, float (&sums)[kBlocks][4], uint64_t left, uint64_t right, bool adds);
template <int kBlocks>
NF_PTX void wgmma_rows(Fp16, float (&sums)[kBlocks][4], uint64_t left, uint64_t right, bool adds);
/// `left` from registers, as mma_m16n8k16 takes it; `right` lies with rows along its columns.
template <int kBlocks>
NF_PTX void wgmma_columns(Bf16, float (&sums)[kBlocks][4], const uint32_t (&left)[4],
                          uint64_t right, bool adds);
template <int kBlocks>
NF_PTX void wgmma_columns(Fp16, float (&sums)[kBlocks][4], const uint32_t (&left)[4],
                          uint64_t right, bool adds);

/// Before products whose registers this thread has touched; names them all.
template <class... Registers>
NF_PTX void wgmma_fence(Registers&... registers);
/// Ends a group of products.
NF_PTX void wgmma_commit();
/// Waits for all groups of products but the `kNewest` last ones; names the sums that are used next.
template <int kNewest, class... Sums>
NF_PTX void wgmma_wait(Sums&... sums);

}  // namespace nextframe::ptx

#if defined(__CUDACC__)
#include "kernels/cuda/ptx_sm90.cuh"
#else
namespace nextframe::ptx {

// What is left of these on a CPU, whose compiler need not be told of registers.
void setmaxnreg(int registers);
void wgmma_fence_all();
void wgmma_wait_for(int newest);

template <int kRegisters>
void setmaxnreg_dec() {
  setmaxnreg(kRegisters);
}
template <int kRegisters>
void setmaxnreg_inc() {
  setmaxnreg(kRegisters);
}
template <class... Registers>
void wgmma_fence(Registers&...) {
  wgmma_fence_all();
}
template <int kNewest, class... Sums>
void wgmma_wait(Sums&...) {
  wgmma_wait_for(kNewest);
}

}  // namespace nextframe::ptx
#endif
