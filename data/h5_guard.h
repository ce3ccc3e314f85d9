// A crash or an endless loop inside HDF5 ends the process with exit code 3 and a sentence that
// names the file.
//
// HDF5 1.10 trusts the metadata of a file: damaged bytes there can make it read through a wild
// pointer, divide by zero, overrun its stack or go round in circles. Such files are data that
// cannot be read, and a person must learn which one it was. What we ask of HDF5 is checked first
// (data/h5.h); this is for what it does by itself.
#pragma once

#include <string>

namespace nextframe {

/// While one exists, a SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT of this thread is blamed on HDF5,
/// and so is using more than 5 s of CPU time (waiting for a slow disk uses none). H5Lock makes it,
/// so there is one at a time in the process. Signals of other threads are handled as before.
class H5CrashGuard {
 public:
  H5CrashGuard();
  ~H5CrashGuard();
  H5CrashGuard(const H5CrashGuard&) = delete;
  H5CrashGuard& operator=(const H5CrashGuard&) = delete;
};

/// Whether this thread is within HDF5 now.
bool is_inside_hdf5();

/// From here on the sentence goes to a file descriptor, where a process waits that will go on with
/// other files.
void tell_h5_crash_to(int descriptor);

/// Names the file that this thread reads with HDF5 from now on, for the message; restarts the 5 s.
void set_h5_subject(const std::string& path);

}  // namespace nextframe
