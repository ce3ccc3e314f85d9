# Exports LibTorch as nextframe::torch, straight from the `torch` wheel's folder.
#
#   NF_TORCH_ROOT  folder that holds include/ and lib/ (…/site-packages/torch)
#
# TorchConfig.cmake is not used: it wants the CUDA language even for a CPU build
# and rewrites the caller's CUDA flags and architectures.
file(GLOB nf_torch_wheel ${PROJECT_SOURCE_DIR}/.deps/venv/lib/python3*/site-packages/torch)
set(NF_TORCH_ROOT "${nf_torch_wheel}" CACHE PATH "The torch package's folder; scripts/setup installs one")
if(NOT EXISTS "${NF_TORCH_ROOT}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "NF_TORCH_ROOT='${NF_TORCH_ROOT}' has no lib/libtorch_cpu.so; "
                      "run scripts/setup, or give the folder of a torch 2.11.0 wheel")
endif()

add_library(nf_torch INTERFACE)
add_library(nextframe::torch ALIAS nf_torch)
target_include_directories(nf_torch SYSTEM INTERFACE
  ${NF_TORCH_ROOT}/include ${NF_TORCH_ROOT}/include/torch/csrc/api/include)
# As the wheel is built: without it some of LibTorch's classes have other members (at::RecordFunction has).
target_compile_definitions(nf_torch INTERFACE NDEBUG)
target_link_libraries(nf_torch INTERFACE ${NF_TORCH_ROOT}/lib/libtorch_cpu.so ${NF_TORCH_ROOT}/lib/libc10.so)
if(NF_CUDA)
  target_link_libraries(nf_torch INTERFACE
    -Wl,--no-as-needed ${NF_TORCH_ROOT}/lib/libtorch_cuda.so ${NF_TORCH_ROOT}/lib/libc10_cuda.so
    -Wl,--as-needed CUDA::cudart)
endif()
target_link_options(nf_torch INTERFACE LINKER:--allow-shlib-undefined)
