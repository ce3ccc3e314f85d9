# NCCL::headers, from the wheel beside torch or from the CUDA toolkit. The library itself is loaded with dlopen.
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${NF_TORCH_ROOT}/../nvidia/nccl/include ${CUDAToolkit_INCLUDE_DIRS})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NCCL REQUIRED_VARS NCCL_INCLUDE_DIR)
if(NCCL_FOUND AND NOT TARGET NCCL::headers)
  add_library(NCCL::headers INTERFACE IMPORTED)
  target_include_directories(NCCL::headers SYSTEM INTERFACE ${NCCL_INCLUDE_DIR})
endif()
