// The interface of importers for other formats: one file each in data/import/, ending with its
// registration.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/action_alignment.h"
#include "data/action_space.h"
#include "data/recorded_episode.h"
#include "kernels/base/registry.h"

namespace nextframe {

/// How a source is to be read.
struct ReadOptions {
  /// As said by the user; a file that says otherwise is refused.
  std::optional<ActionAlignment> alignment;
  double fps = 0;                 // videos are taken at so many frames a second; 0: every frame
  std::string layout{}, split{};  // of HDF5 files: a name of data/layouts/, one of their splits
  // Of NumPy's arrays and HDF5 files, where they do not say it by themselves; "" for what they say:
  std::string frames_key{}, actions_key{};  // which array is which
  std::string frames_layout{};              // a letter an axis, for example TCHW or NTHW
  std::string frames_range{};               // what is black and what is white, for example 0,1

  bool has_keys() const { return !(frames_key + actions_key).empty(); }
  bool is_of_arrays() const { return !(frames_layout + frames_range).empty(); }
};

/// What an importer understood of a source before it has decoded any frame.
struct RecordingFacts {
  std::vector<int64_t> episode_frames;  // of each episode, in the order in which they are read
  int64_t height_px = 0, width_px = 0;  // 0 where episodes differ:
  std::string size_problem;             // which do
  int64_t channels = 3;
  double fps = 0;  // 0: unknown
  ActionSpace action_space;
  ActionAlignment alignment = ActionAlignment::after;  // of the source; what is read is `after`
  std::string actions_from;                            // "actions.csv"; "" without actions
  std::vector<std::string> notes;                      // what was left out or read in its own way
  std::vector<std::string> problems;                   // files that cannot be read and are skipped
};

/// Somebody's recording, opened. Errors are DataError and name the file.
class RecordingSource {
 public:
  virtual ~RecordingSource() = default;
  virtual const RecordingFacts& facts() const = 0;
  /// Hands over every episode in order, a long one in several parts, so that memory stays bounded.
  /// Actions lead from their frame to the next one, whatever the source's alignment.
  /// An episode that turned out to be damaged from its start on is one part without frames.
  virtual void read(const EpisodeSink& sink) = 0;
  /// Files that were skipped or are not whole, with the reason: after read(), all of them.
  virtual std::vector<std::string> problems() const { return facts().problems; }
};

struct Importer {
  std::string summary;  // of the layout, one line
  std::function<bool(const std::filesystem::path& source)> accepts;
  std::function<std::unique_ptr<RecordingSource>(const std::filesystem::path& source,
                                                 const ReadOptions& options)>
      open;
};

using ImporterRegistry = Registry<Importer>;

}  // namespace nextframe

#define NF_REGISTER_IMPORTER(name, ...)                                  \
  namespace {                                                            \
  const bool registered_importer_##name =                                \
      ::nextframe::ImporterRegistry::instance().add(#name, __VA_ARGS__); \
  }
