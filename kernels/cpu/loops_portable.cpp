#include "kernels/cpu/loops_of_isa.h"

namespace nextframe::cpu {

constinit const Loops kPortableLoops = loops_of_isa("portable", nullptr);

}  // namespace nextframe::cpu
