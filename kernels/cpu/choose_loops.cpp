#include "kernels/cpu/choose_loops.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nextframe::cpu {
namespace {

#if defined(__x86_64__)
/// Whether it multiplies tiles of bfloat16. Intel's manual, CPUID leaf 7: EDX bit 22.
bool has_amx_bf16() {
  unsigned int a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22 & 1) != 0;
}
#endif

}  // namespace

std::vector<const Loops*> all_loops() {
  std::vector<const Loops*> found = {&kPortableLoops};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kAvx2Loops);
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (has_avx512) found.push_back(&kAvx512Loops);
  if (has_avx512 && __builtin_cpu_supports("avx512bf16")) {
    found.push_back(&kAvx512Bf16Loops);
    if (has_amx_bf16()) found.push_back(&kAmxLoops);
  }
#endif
  return found;
}

const Loops& loops() {
  static const Loops& fastest = *all_loops().back();
  return fastest;
}

}  // namespace nextframe::cpu
