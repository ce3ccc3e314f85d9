#include "kernels/cpu/choose_loops.h"

namespace nextframe::cpu {

std::vector<const Loops*> all_loops() {
  std::vector<const Loops*> found = {&kPortableLoops};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kAvx2Loops);
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (has_avx512) found.push_back(&kAvx512Loops);
  if (has_avx512 && __builtin_cpu_supports("avx512bf16")) found.push_back(&kAvx512Bf16Loops);
#endif
  return found;
}

const Loops& loops() {
  static const Loops& fastest = *all_loops().back();
  return fastest;
}

}  // namespace nextframe::cpu
