#include "kernels/cpu/these_loops.h"

namespace nextframe::cpu {

constinit const Loops kAvx2Loops = these_loops("avx2", nullptr);

}  // namespace nextframe::cpu
