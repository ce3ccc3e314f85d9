// kernels/cuda/ptx.h in PTX, for sm_80 and later.
#pragma once

#include "kernels/cuda/ptx.h"

namespace nextframe::ptx {

// ---- Threads

NF_PTX uint32_t tid() { return threadIdx.x; }
NF_PTX uint32_t ctaid() {
  uint32_t number;
  // Read anew every time: what follows from it need not be kept over a long loop.
  asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(number));
  return number;
}
NF_PTX uint32_t nctaid() { return gridDim.x; }
NF_PTX void bar_warp_sync() { __syncwarp(); }
NF_PTX void bar_sync() { __syncthreads(); }
NF_PTX float shfl_xor(float value, uint32_t mask) {
  return __shfl_xor_sync(0xffffffffu, value, static_cast<int>(mask));
}

// ---- Memory

NF_PTX Shared dynamic_shared() {
  extern __shared__ __align__(1024) Word4 bytes[];
  auto first = static_cast<Shared>(__cvta_generic_to_shared(bytes));
  // Not to be seen through: asked for in a loop, addresses are made there, by an addition or two,
  // and do not fill registers across it.
  asm volatile("" : "+r"(first));
  return first;
}
NF_PTX uint32_t ld_shared(Shared from) {
  uint32_t word;
  asm volatile("ld.shared.b32 %0, [%1];" : "=r"(word) : "r"(from) : "memory");
  return word;
}
NF_PTX Word4 ld_shared_v4(Shared from) {
  Word4 w;
  asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.word[0]), "=r"(w.word[1]), "=r"(w.word[2]), "=r"(w.word[3])
               : "r"(from)
               : "memory");
  return w;
}
NF_PTX void st_shared(Shared to, uint32_t word) {
  asm volatile("st.shared.b32 [%0], %1;" ::"r"(to), "r"(word) : "memory");
}
NF_PTX void st_shared_v4(Shared to, Word4 w) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(w.word[0]), "r"(w.word[1]),
               "r"(w.word[2]), "r"(w.word[3])
               : "memory");
}
NF_PTX Word4 ld_global_nc_v4(const void* from) {
  Word4 w;
  asm volatile("ld.global.nc.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.word[0]), "=r"(w.word[1]), "=r"(w.word[2]), "=r"(w.word[3])
               : "l"(from));
  return w;
}
NF_PTX Word4 ld_global_v4(const void* from) {
  Word4 w;
  asm volatile("ld.global.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(w.word[0]), "=r"(w.word[1]), "=r"(w.word[2]), "=r"(w.word[3])
               : "l"(from)
               : "memory");
  return w;
}
NF_PTX float ld_global_nc_f32(const float* from) {
  float value;
  asm volatile("ld.global.nc.f32 %0, [%1];" : "=f"(value) : "l"(from));
  return value;
}
NF_PTX void st_global_f32(float* to, float value) {
  asm volatile("st.global.f32 [%0], %1;" ::"l"(to), "f"(value) : "memory");
}
NF_PTX Float2 ld_global_nc(const float* from) {
  Float2 pair;
  asm volatile("ld.global.nc.v2.f32 {%0, %1}, [%2];" : "=f"(pair.x), "=f"(pair.y) : "l"(from));
  return pair;
}
NF_PTX void st_global_v4(void* to, Word4 w) {
  asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(w.word[0]), "r"(w.word[1]),
               "r"(w.word[2]), "r"(w.word[3])
               : "memory");
}

NF_PTX void cp_async_16(Shared to, const void* from, bool is_there) {
  // Past the first level of cache: nothing here is read twice.
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
               "r"(is_there ? 16 : 0)
               : "memory");
}
NF_PTX void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kNewest>
NF_PTX void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kNewest) : "memory");
}

// ---- Tensor cores

NF_PTX void ldmatrix_x4(uint32_t (&to)[4], Shared row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}
NF_PTX void ldmatrix_x4_trans(uint32_t (&to)[4], Shared row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}

#define NF_MMA(format)                                                       \
  asm("mma.sync.aligned.m16n8k16.row.col.f32." format "." format             \
      ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])           \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
NF_PTX void mma_m16n8k16(Bf16, float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  NF_MMA("bf16");
}
NF_PTX void mma_m16n8k16(Fp16, float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  NF_MMA("f16");
}
#undef NF_MMA

// ---- Numbers

NF_PTX uint32_t cvt_pack(Bf16, float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
NF_PTX uint32_t cvt_pack(Fp16, float low, float high) {
  uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
NF_PTX Float2 cvt_unpack(Bf16, uint32_t pair) {
  return {__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u)};
}
NF_PTX Float2 cvt_unpack(Fp16, uint32_t pair) {
  Float2 values;
  asm("{.reg .b16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; cvt.f32.f16 %1, high;}"
      : "=f"(values.x), "=f"(values.y)
      : "r"(pair));
  return values;
}

NF_PTX float as_float(uint32_t bits) { return __uint_as_float(bits); }
NF_PTX float ex2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
NF_PTX float lg2(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
NF_PTX float rcp(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
NF_PTX float rsqrt(float x) {
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace nextframe::ptx
