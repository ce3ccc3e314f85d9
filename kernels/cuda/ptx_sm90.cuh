// kernels/cuda/ptx_hopper.h in PTX, for sm_90a only.
#pragma once

#include "kernels/cuda/ptx_hopper.h"

#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#error "kernels of groups of warps are compiled for sm_90a alone"
#endif

namespace nextframe::ptx {

// ---- Threads

NF_PTX void bar_sync_some(uint32_t number, uint32_t count) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(count) : "memory");
}
template <int kRegisters>
NF_PTX void setmaxnreg_dec() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
NF_PTX void setmaxnreg_inc() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
NF_PTX void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// ---- Barriers in shared memory

NF_PTX void mbarrier_init(Shared barrier, uint32_t count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}
NF_PTX void mbarrier_arrive(Shared barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
NF_PTX void mbarrier_arrive_expect_tx(Shared barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
NF_PTX void mbarrier_wait(Shared barrier, uint32_t parity) {
  uint32_t is_over;
  do {
    asm volatile(
        "{.reg .pred over; mbarrier.try_wait.parity.shared::cta.b64 over, [%1], %2; "
        "selp.u32 %0, 1, 0, over;}"
        : "=r"(is_over)
        : "r"(barrier), "r"(parity)
        : "memory");
  } while (is_over == 0);
}

// ---- Bulk copies

NF_PTX void tma_load(Shared to, const TensorMap& map, const int32_t (&place)[5], Shared barrier) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%2, %3, %4, %5, %6}], [%7];" ::"r"(to),
      "l"(&map), "r"(place[0]), "r"(place[1]), "r"(place[2]), "r"(place[3]), "r"(place[4]),
      "r"(barrier)
      : "memory");
}

// ---- Products of a group

// A place of two sums of a block, and of eight blocks.
#define NF_SUMS(n) "+f"(sums[n][0]), "+f"(sums[n][1]), "+f"(sums[n][2]), "+f"(sums[n][3])
#define NF_SUMS_8(n)                                                                          \
  NF_SUMS(n), NF_SUMS(n + 1), NF_SUMS(n + 2), NF_SUMS(n + 3), NF_SUMS(n + 4), NF_SUMS(n + 5), \
      NF_SUMS(n + 6), NF_SUMS(n + 7)

#define NF_32_REGISTERS                                                    \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define NF_64_REGISTERS                                                              \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "           \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"

#define NF_WGMMA_64(format, left, more, ...)                                               \
  asm volatile(                                                                            \
      "{.reg .pred adds; setp.ne.b32 adds, %32, 0; "                                       \
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." format "." format " {" NF_32_REGISTERS \
      "}, " left ", %33, adds, 1, 1" more ";}"                                             \
      : NF_SUMS_8(0)                                                                       \
      : "r"(static_cast<int>(adds)), "l"(right), __VA_ARGS__)
#define NF_WGMMA_128(format, left, more, ...)                                               \
  asm volatile(                                                                             \
      "{.reg .pred adds; setp.ne.b32 adds, %64, 0; "                                        \
      "wgmma.mma_async.sync.aligned.m64n128k16.f32." format "." format " {" NF_64_REGISTERS \
      "}, " left ", %65, adds, 1, 1" more ";}"                                              \
      : NF_SUMS_8(0), NF_SUMS_8(8)                                                          \
      : "r"(static_cast<int>(adds)), "l"(right), __VA_ARGS__)

/// Left from shared memory, none transposed; left from registers, right transposed.
#define NF_PRODUCTS(Half, format)                                                                  \
  template <>                                                                                      \
  NF_PTX void wgmma_rows<8>(Half, float(&sums)[8][4], uint64_t left, uint64_t right, bool adds) {  \
    NF_WGMMA_64(format, "%34", ", 0, 0", "l"(left));                                               \
  }                                                                                                \
  template <>                                                                                      \
  NF_PTX void wgmma_rows<16>(Half, float(&sums)[16][4], uint64_t left, uint64_t right,             \
                             bool adds) {                                                          \
    NF_WGMMA_128(format, "%66", ", 0, 0", "l"(left));                                              \
  }                                                                                                \
  template <>                                                                                      \
  NF_PTX void wgmma_columns<8>(Half, float(&sums)[8][4], const uint32_t(&left)[4], uint64_t right, \
                               bool adds) {                                                        \
    NF_WGMMA_64(format, "{%34, %35, %36, %37}", ", 1", "r"(left[0]), "r"(left[1]), "r"(left[2]),   \
                "r"(left[3]));                                                                     \
  }                                                                                                \
  template <>                                                                                      \
  NF_PTX void wgmma_columns<16>(Half, float(&sums)[16][4], const uint32_t(&left)[4],               \
                                uint64_t right, bool adds) {                                       \
    NF_WGMMA_128(format, "{%66, %67, %68, %69}", ", 1", "r"(left[0]), "r"(left[1]), "r"(left[2]),  \
                 "r"(left[3]));                                                                    \
  }
NF_PRODUCTS(Bf16, "bf16")
NF_PRODUCTS(Fp16, "f16")
#undef NF_PRODUCTS
#undef NF_WGMMA_64
#undef NF_WGMMA_128
#undef NF_32_REGISTERS
#undef NF_64_REGISTERS
#undef NF_SUMS_8
#undef NF_SUMS

/// The compiler may not move what touches these across.
NF_DEVICE void pin(float& value) { asm volatile("" : "+f"(value)::"memory"); }
NF_DEVICE void pin(uint32_t& value) { asm volatile("" : "+r"(value)::"memory"); }
template <int kBlocks, class Register>
NF_DEVICE void pin(Register (&registers)[kBlocks][4]) {
  NF_UNROLL for (int i = 0; i < 4 * kBlocks; ++i) pin(registers[i / 4][i % 4]);
}

template <class... Registers>
NF_PTX void wgmma_fence(Registers&... registers) {
  (pin(registers), ...);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
NF_PTX void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int kNewest, class... Sums>
NF_PTX void wgmma_wait(Sums&... sums) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kNewest) : "memory");
  (pin(sums), ...);
}

}  // namespace nextframe::ptx
