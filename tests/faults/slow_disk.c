// A disk that is slow while a file is there, for LD_PRELOAD: SLOW_READ names the file that slows reads of .h5 files
// down to one in two seconds, SLOW_SYNC the file that makes every fsync take half a second.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void wait_if(const char* variable, long milliseconds) {
  const char* flag = getenv(variable);
  if (flag == NULL || access(flag, F_OK) != 0) return;
  struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0) {  // whatever signals come
  }
}

static int is_shard(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof(path) - 1);
  return length > 3 && memcmp(path + length - 3, ".h5", 3) == 0;
}

ssize_t pread64(int file, void* bytes, size_t count, off64_t offset) {
  static ssize_t (*real)(int, void*, size_t, off64_t);
  if (real == NULL) real = (ssize_t(*)(int, void*, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
  if (is_shard(file)) wait_if("SLOW_READ", 2000);
  return real(file, bytes, count, offset);
}

ssize_t pread(int file, void* bytes, size_t count, off_t offset) { return pread64(file, bytes, count, offset); }

int fsync(int file) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_if("SLOW_SYNC", 500);
  return real(file);
}
