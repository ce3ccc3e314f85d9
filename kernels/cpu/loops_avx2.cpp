#include "kernels/cpu/loops_of_isa.h"

namespace nextframe::cpu {

constinit const Loops kAvx2Loops = loops_of_isa("avx2", nullptr);

}  // namespace nextframe::cpu
