#include "kernels/cpu/linear_loops.h"
#include "kernels/cpu/these_loops.h"

namespace nextframe::cpu {

constinit const Loops kAvx512Bf16Loops = these_loops("avx512_bf16", &kLinearLoops);
constinit const Loops kAmxLoops = these_loops("avx512_bf16_amx", nullptr);

}  // namespace nextframe::cpu
