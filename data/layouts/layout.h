// Whose HDF5 file is it, and where in it are frames and actions? Each layout is one file in
// data/layouts/, ending with its registration, so adding one edits no list.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/action_alignment.h"
#include "data/action_space.h"
#include "data/h5.h"
#include "data/read_as.h"
#include "kernels/base/registry.h"

namespace nextframe {

/// One array that a file may keep in several datasets, in the order of its rows.
struct SpreadColumn {
  enum class By {
    nothing,  // each dataset has rows of many episodes
    episode,  // each dataset has the rows of one episode
    frame,    // each dataset is one row
  };
  std::string name;                        // as in data.columns: "obs/agentview_image"
  std::vector<std::string> datasets = {};  // paths from the root; empty: there is no such column
  By by = By::nothing;

  bool is_there() const { return !datasets.empty(); }
};

/// How a file's frames differ from uint8 [T, H, W, C], upright, in the order red, green, blue.
/// Where its channels stand first is seen in its shapes.
struct FrameForm {
  bool is_upside_down = false, is_bgr = false;
  bool is_encoded = false;  // a row is a picture: the bytes of a JPEG

  bool operator==(const FrameForm&) const = default;
};

/// Where the episodes of a file are. Rows are counted over all datasets of the frames.
struct EpisodeTable {
  std::string layout = "stable_worldmodel";
  SpreadColumn frames, actions;
  FrameForm form = {};
  /// First row and rows of each episode. Empty: each dataset of the frames is one; or, in our own
  /// layout, the columns ep_len and ep_offset say it.
  std::vector<int64_t> episode_frames = {}, episode_offsets = {};
  std::vector<int64_t> promised_frames = {};  // of each dataset, by an attribute; < 0: not said
  ActionAlignment alignment = ActionAlignment::after;
  std::optional<ActionAlignment> asked_alignment = {};  // by a person
  int64_t missing_actions = 0;  // rows of an episode's actions less than its frames
  std::optional<ActionSpace> action_space = {};  // where the layout fixes it
  std::vector<std::string> notes = {};           // what a person should know

  /// Whether the columns ep_len, ep_offset and action are those of our own layout.
  bool is_plain() const { return layout == "stable_worldmodel"; }
};

struct Layout {
  std::string summary;  // whose files these are, one line
  std::string needs;    // what is in such a file, for messages
  std::function<bool(const H5File&)> fits;
  /// Throws DataError without the file's name.
  std::function<EpisodeTable(const H5File&, const ReadAs&)> read;
};

using LayoutRegistry = Registry<Layout>;

/// By `read_as.layout`, or by the only layout that fits. Throws DataError without the file's name,
/// with what the file holds and what is known.
EpisodeTable find_episodes(const H5File& file, const ReadAs& read_as);

// ---- What layouts share.

struct FoundFrames {
  std::string path;  // relative to where they were looked for; "" where that is the dataset
  bool is_encoded = false;
};

/// The dataset below `episode`/`group` that holds the frames: the one that is `asked` for, or the
/// only one that looks like frames: uint8 [T, H, W, C] or [T, C, H, W] with C 1 or 3, or JPEG
/// pictures. Throws DataError that lists what is there, with names that begin with `group`.
FoundFrames choose_frames(const H5File& file, const std::string& episode, const std::string& group,
                          const std::string& asked);

/// The same path in each of several groups.
std::vector<std::string> in_each(const std::vector<std::string>& groups, const std::string& path);

/// The actions of a layout whose usual dataset is `usual`: as asked for, none, or the usual one.
SpreadColumn choose_actions(const std::vector<std::string>& groups, const std::string& usual,
                            const ReadAs& read_as);

/// Throws DataError where a split is asked for and the layout has none.
void require_no_split(const ReadAs& read_as);

}  // namespace nextframe

#define NF_REGISTER_LAYOUT(name, ...)                                  \
  namespace {                                                          \
  const bool registered_layout_##name =                                \
      ::nextframe::LayoutRegistry::instance().add(#name, __VA_ARGS__); \
  }
