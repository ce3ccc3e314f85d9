#include "kernels/cpu/linear_loops.h"
#include "kernels/cpu/loops_of_isa.h"

namespace nextframe::cpu {

constinit const Loops kAvx512Bf16Loops = loops_of_isa("avx512_bf16", &kLinearLoops);
constinit const Loops kAmxLoops = loops_of_isa("avx512_bf16_amx", nullptr);

}  // namespace nextframe::cpu
