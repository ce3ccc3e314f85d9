#include "trainer/exit_code.h"

#include <c10/util/Exception.h>

#include <new>

#include "data/error.h"
#include "launch/error.h"
#include "trainer/config/config.h"

namespace nextframe {
namespace {

Failure describe_torch_error(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  // The CPU allocator has no type of its own.
  const bool is_memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                         message.find("DefaultCPUAllocator") != std::string::npos;
  return {is_memory ? ExitCode::memory : ExitCode::internal, message};
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
    return {ExitCode::memory, "out of memory; use fewer or smaller clips a grain"};
  } catch (const std::exception& error) {
    return {ExitCode::internal, error.what()};
  } catch (...) {
    return {ExitCode::internal, "an exception of an unknown type"};
  }
}

}  // namespace nextframe
