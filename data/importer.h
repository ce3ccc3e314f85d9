// The interface of importers for other formats: one file each in data/import/, ending with its
// registration.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "data/action_space.h"
#include "data/recorded_episode.h"
#include "kernels/base/registry.h"

namespace nextframe {

/// Somebody's recording, opened. Errors are DataError and name the file.
class RecordingSource {
 public:
  virtual ~RecordingSource() = default;
  virtual ActionSpace action_space() const = 0;
  virtual int64_t num_frames() const = 0;
  /// Hands over every episode in order, one at a time.
  virtual void read(const EpisodeSink& sink) = 0;
};

struct Importer {
  std::string summary;  // of the layout, one line
  std::function<bool(const std::filesystem::path& source)> accepts;
  std::function<std::unique_ptr<RecordingSource>(const std::filesystem::path& source)> open;
};

using ImporterRegistry = Registry<Importer>;

}  // namespace nextframe

#define NF_REGISTER_IMPORTER(name, ...)                                  \
  namespace {                                                            \
  const bool registered_importer_##name =                                \
      ::nextframe::ImporterRegistry::instance().add(#name, __VA_ARGS__); \
  }
