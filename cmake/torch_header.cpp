// Compiled only to own the precompiled <torch/torch.h>; see CMakeLists.txt.
