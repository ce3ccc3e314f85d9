#include "trainer/exit_code.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <new>
#include <regex>
#include <system_error>

#include "data/error.h"
#include "launch/error.h"
#include "trainer/config/config.h"

namespace nextframe {
namespace {

Failure out_of_memory(const std::string& what) {
  return {ExitCode::memory,
          "out of memory" + what +
              "; take smaller clips or more grains, more ranks, or raise the limit (ulimit -v, the "
              "container's or the job's)"};
}

Failure describe_torch_error(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  // The CPU allocator has no type of its own: "... you tried to allocate 123 bytes. Error code 12".
  if (message.find("DefaultCPUAllocator") != std::string::npos) {
    const std::regex size("allocate ([0-9]+) bytes");
    std::smatch match;
    const bool is_known = std::regex_search(message, match, size);
    return out_of_memory(is_known ? ": " + match[1].str() + " bytes more were wanted" : "");
  }
  const bool is_memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr;
  return {is_memory ? ExitCode::memory : ExitCode::internal, message};
}

/// "runs/a/x: Permission denied", without the library's own words around it.
Failure describe_file_error(const std::filesystem::filesystem_error& error) {
  std::string paths = error.path1().string();
  if (!error.path2().empty()) paths += " and " + error.path2().string();
  return {ExitCode::environment, paths + (paths.empty() ? "" : ": ") + error.code().message()};
}

Failure describe_system_error(const std::system_error& error) {
  if (error.code() == std::errc::resource_unavailable_try_again) {
    return {ExitCode::environment,
            "the system allows no more threads; raise its limit (ulimit -u, or the container's "
            "limit of processes), or take fewer ranks and parallel.threads"};
  }
  return {ExitCode::internal, error.what()};
}

}  // namespace

Failure describe_failure(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const ConfigError& error) {
    return {error.code, error.what(), true};
  } catch (const ExitError& error) {
    return {error.code, error.what()};
  } catch (const DataError& error) {
    return {ExitCode::data, error.what()};
  } catch (const FileError& error) {
    return {ExitCode::environment, error.what()};
  } catch (const EnvironmentError& error) {
    return {ExitCode::environment, error.what()};
  } catch (const c10::Error& error) {
    return describe_torch_error(error);
  } catch (const std::bad_alloc&) {
    return out_of_memory("");
  } catch (const std::filesystem::filesystem_error& error) {
    return describe_file_error(error);
  } catch (const std::system_error& error) {
    return describe_system_error(error);
  } catch (const std::exception& error) {
    return {ExitCode::internal, error.what()};
  } catch (...) {
    return {ExitCode::internal, "an exception of an unknown type"};
  }
}

}  // namespace nextframe
