#include "kernels/cpu/these_loops.h"

namespace nextframe::cpu {

constinit const Loops kPortableLoops = these_loops("portable", nullptr);

}  // namespace nextframe::cpu
