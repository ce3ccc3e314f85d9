#include "kernels/cpu/attention_loops.h"
#include "kernels/cpu/row_loops.h"

namespace nextframe::cpu {

const Loops kAvx512Loops = {"avx512", forward,           backward, scratch_bytes,
                            add_norm, add_norm_backward, swiglu,   swiglu_backward};

}  // namespace nextframe::cpu
