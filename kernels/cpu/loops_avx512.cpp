#include "kernels/cpu/these_loops.h"

namespace nextframe::cpu {

constinit const Loops kAvx512Loops = these_loops("avx512", nullptr);

}  // namespace nextframe::cpu
