// Standard output and error as a program finds them: closed, full, or with a reader that has left
// or does not read.
#pragma once

#include <string_view>

namespace nextframe {

/// To be called before any file is opened. A standard stream that is closed becomes /dev/null, so
/// that no file of ours gets its number and our messages with it. A write to a pipe without a
/// reader, or past a file-size limit, becomes an error of that write; by default it would be a
/// signal that kills (SIGPIPE, SIGXFSZ).
void secure_standard_streams();

/// Writes out what was printed to standard output. That its reader has left (`| head`) is no error.
/// EnvironmentError when the text could not be written, as on a full disk.
void finish_standard_output();

/// Writes to standard error. A reader that does not read, as a terminal after Ctrl-S, is waited for
/// `limit_ms` and no longer. Returns whether all of the text was written.
bool write_to_standard_error(std::string_view text, int limit_ms = 1000);

}  // namespace nextframe
