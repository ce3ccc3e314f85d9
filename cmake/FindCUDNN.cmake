# CUDNN::headers: cuDNN's, from the wheel beside torch or from the CUDA toolkit, and those of cudnn-frontend, which
# scripts/setup puts beside torch. The library itself is loaded with dlopen.
find_path(CUDNN_INCLUDE_DIR cudnn.h HINTS ${NF_TORCH_ROOT}/../nvidia/cudnn/include ${CUDAToolkit_INCLUDE_DIRS})
find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h HINTS ${NF_TORCH_ROOT}/../include)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNN REQUIRED_VARS CUDNN_INCLUDE_DIR CUDNN_FRONTEND_INCLUDE_DIR)
if(CUDNN_FOUND AND NOT TARGET CUDNN::headers)
  add_library(CUDNN::headers INTERFACE IMPORTED)
  target_include_directories(CUDNN::headers SYSTEM INTERFACE ${CUDNN_INCLUDE_DIR} ${CUDNN_FRONTEND_INCLUDE_DIR})
endif()
