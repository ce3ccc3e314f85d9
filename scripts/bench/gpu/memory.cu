// Memory of the GPU for a program without PyTorch, under compute-sanitizer.
#include <cuda_runtime.h>

#include <cstdint>

extern "C" {

void* nf_allocate(int64_t bytes) {
  void* memory = nullptr;
  return cudaMalloc(&memory, static_cast<size_t>(bytes)) == cudaSuccess ? memory : nullptr;
}
int nf_free(void* memory) { return cudaFree(memory); }
int nf_copy(void* to, const void* from, int64_t bytes) {
  return cudaMemcpy(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault);
}
int nf_synchronize() { return cudaDeviceSynchronize(); }

}  // extern "C"
