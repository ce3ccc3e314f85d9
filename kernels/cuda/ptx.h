// The GPU's own instructions as functions, one each, named as in PTX.
//
// nvcc compiles them to that instruction (ptx_sm80.cuh). Any other compiler sees declarations
// alone: tests run the bodies of kernels on a CPU and define them there (tests/kernels/emulator).
// So a body meets threads, barriers and memory through these functions only.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define NF_DEVICE __device__ __forceinline__
#define NF_PTX __device__ __forceinline__
#define NF_UNROLL _Pragma("unroll")
#else
#define NF_DEVICE inline
#define NF_PTX
#define NF_UNROLL
#endif

namespace nextframe {

/// The two 16-bit formats of tensor cores, as names for overloads.
struct Bf16 {};
struct Fp16 {};

namespace ptx {

/// A byte's address in shared memory.
using Shared = uint32_t;

struct alignas(16) Word4 {
  uint32_t word[4];
};
struct alignas(8) Float2 {
  float x, y;
};

// ---- Threads

NF_PTX uint32_t tid();     // of the thread in its block
NF_PTX uint32_t ctaid();   // of the block
NF_PTX uint32_t nctaid();  // number of blocks

/// Barriers; what was written to shared memory before is seen behind.
NF_PTX void bar_warp_sync();
NF_PTX void bar_sync();  // of the block

/// The value of lane (own ^ mask).
NF_PTX float shfl_xor(float value, uint32_t mask);

// ---- Memory. Addresses are multiples of the access' size.

/// Where the block's dynamic shared memory begins; a multiple of 1,024 bytes.
NF_PTX Shared dynamic_shared();
NF_PTX uint32_t ld_shared(Shared from);
NF_PTX Word4 ld_shared_v4(Shared from);
NF_PTX void st_shared(Shared to, uint32_t word);
NF_PTX void st_shared_v4(Shared to, Word4 words);

/// Of memory that no thread writes while the kernel runs.
NF_PTX Float2 ld_global_nc(const float* from);
NF_PTX Word4 ld_global_nc_v4(const void* from);
NF_PTX Word4 ld_global_v4(const void* from);  // of memory that this thread may write
NF_PTX float ld_global_nc_f32(const float* from);
NF_PTX void st_global_f32(float* to, float value);
NF_PTX void st_global_v4(void* to, Word4 words);

/// 16 bytes to shared memory, zeros if not `is_there`: `from` is not read then. They have arrived
/// for this thread after cp_async_wait, for others after a barrier behind it.
NF_PTX void cp_async_16(Shared to, const void* from, bool is_there);
/// Ends a group of copies.
NF_PTX void cp_async_commit();
/// Waits for all groups of this thread but the `kNewest` last ones.
template <int kNewest>
NF_PTX void cp_async_wait();

// ---- Tensor cores, a whole warp together

/// Four 8x8 matrices of 16-bit values; lane i gives the address of row i % 8 of matrix i / 8. Lane
/// i gets of each the values (i / 4, 2 (i % 4)) and the next in that row, low half first.
NF_PTX void ldmatrix_x4(uint32_t (&to)[4], Shared row);
/// The same of each matrix transposed.
NF_PTX void ldmatrix_x4_trans(uint32_t (&to)[4], Shared row);

/// sums += a b for a [16, 16] and b [16, 8]. Of `sums` [16, 8] lane i has the values (i / 4,
/// 2 (i % 4)), the next in that row, and those two 8 rows below. Of `a` the same of its four 8x8
/// parts: left top, left bottom, right top, right bottom; of b^T: left, right.
NF_PTX void mma_m16n8k16(Bf16, float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
NF_PTX void mma_m16n8k16(Fp16, float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);

// ---- Numbers

/// Two values rounded to nearest, and back.
NF_PTX uint32_t cvt_pack(Bf16, float low, float high);
NF_PTX uint32_t cvt_pack(Fp16, float low, float high);
NF_PTX Float2 cvt_unpack(Bf16, uint32_t pair);
NF_PTX Float2 cvt_unpack(Fp16, uint32_t pair);

NF_PTX float as_float(uint32_t bits);
NF_PTX float ex2(float x);    // 2^x, off by 2^-22 of it
NF_PTX float lg2(float x);    // log2(x), off by 2^-22
NF_PTX float rcp(float x);    // 1 / x, off by one unit in the last place
NF_PTX float rsqrt(float x);  // 1 / sqrt(x), off by 2^-22 of it

}  // namespace ptx
}  // namespace nextframe

#if defined(__CUDACC__)
#include "kernels/cuda/ptx_sm80.cuh"
#endif
