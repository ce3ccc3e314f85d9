// Compiled only to own the precompiled kernels/torch.h; see CMakeLists.txt.
