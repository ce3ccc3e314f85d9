// As much of CUDA's driver as cuDNN needs to make plans for a GPU that is not there: code is loaded
// and found, nothing else can be done. A library of the driver's name.
static int code;

#define MADE(name) \
  int name(void** made) { return *made = &code, 0; }
#define DONE(name) \
  int name(void) { return 0; }
#define NO(name) \
  int name(void) { return 34; }  // CUDA_ERROR_STUB_LIBRARY

MADE(cuLibraryLoadData)
MADE(cuLibraryGetKernel)
MADE(cuKernelGetFunction)
DONE(cuFuncSetAttribute)
DONE(cuKernelSetAttribute)
DONE(cuLibraryUnload)
NO(cuCtxGetCurrent)
NO(cuCtxGetLimit)
NO(cuCtxPopCurrent)
NO(cuCtxPushCurrent)
NO(cuDeviceGet)
NO(cuDeviceGetCount)
NO(cuDriverGetVersion)
NO(cuGetErrorName)
NO(cuGetErrorString)
NO(cuKernelGetAttribute)
NO(cuLaunchCooperativeKernel)
NO(cuLaunchKernel)
NO(cuLaunchKernelEx)
NO(cuLibraryLoadFromFile)
NO(cuLinkAddData)
NO(cuLinkComplete)
NO(cuLinkCreate)
NO(cuLinkDestroy)
NO(cuOccupancyMaxPotentialClusterSize)
NO(cuStreamGetCtx)
