#include "kernels/cpu/loops_of_isa.h"

namespace nextframe::cpu {

constinit const Loops kAvx512Loops = loops_of_isa("avx512", nullptr);

}  // namespace nextframe::cpu
