#include "data/shard_actions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "data/action_alignment.h"
#include "data/column.h"

namespace nextframe {
namespace {

using Kind = ActionSpace::Kind;

/// Whether somebody else's column must be the actions, under a name that we do not read.
bool is_named_like_actions(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.starts_with("act") && name.size() <= std::string("actions_").size();
}

class ActionReader {
 public:
  ActionReader(const H5File& file, int64_t num_frames, const EpisodeRanges& episodes)
      : file_(file), num_frames_(num_frames), episodes_(episodes) {}

  void read();
  ShardActions take() { return std::move(found_); }

 private:
  void read_column_named(const std::string& name);
  void fit_space(const std::string& name, const ElementType& type);
  void follow_alignment();
  void check_choices(const std::string& name);
  void check_numbers(const std::string& name);
  void check_buttons(const std::string& name);

  const H5File& file_;
  int64_t num_frames_;
  const EpisodeRanges& episodes_;
  ShardActions found_;
};

/// The column is `action`, or `actions` as robomimic, D4RL and Minari call it.
void ActionReader::read() {
  const auto declared = read_text_attribute(file_, "action_space");
  if (declared) found_.space = action_space_from_json(*declared);
  const bool has_action = h5_has(file_, "action"), has_actions = h5_has(file_, "actions");
  if (has_action && has_actions) {
    throw DataError("has a column 'action' and a column 'actions'; leave one of them out");
  }
  if (has_action || has_actions) return read_column_named(has_action ? "action" : "actions");
  if (declared && found_.space.kind != Kind::none) {
    throw DataError("declares an action_space but has no column 'action'; write both or neither");
  }
  if (declared) return;
  for (const auto& name : h5_names(file_)) {
    if (is_named_like_actions(name)) {
      throw DataError("has no column 'action', but one named '" + name +
                      "'; rename it to 'action', or declare that there are none with the attribute "
                      R"(action_space = {"type":"none"})");
    }
  }
}

void ActionReader::read_column_named(const std::string& name) {
  const auto check = [&](const std::vector<int64_t>& shape, const ElementType& type) {
    const bool is_list = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
    const bool is_table = shape.size() == 2 && shape[1] > 0 && shape[1] <= kMaxActionWidth;
    const bool has_rows = (is_list || is_table) && shape[0] == num_frames_;
    // A boolean a button is an action, several choices at once are none.
    const bool is_vector = is_table && !is_list;
    if (has_rows && !(is_vector && type.kind == ElementType::Kind::choice && !type.is_boolean())) {
      return;
    }
    throw DataError(c10::str("column '", name, "' is ", type.name, " [", c10::Join(", ", shape),
                             "] for ", num_frames_,
                             " frames; needed: integers or an enum "
                             "[T], or numbers or booleans [T, A]"));
  };
  auto column = read_typed_column(file_, name, check);
  found_.stored = column.values;
  found_.values = column.values;
  if (found_.values.dim() == 2 && found_.values.size(1) == 1 &&
      found_.values.scalar_type() == at::kLong) {
    found_.values = found_.values.squeeze(1);
  }
  fit_space(name, column.type);
  follow_alignment();
  if (found_.space.kind == Kind::discrete) return check_choices(name);
  check_numbers(name);
  if (found_.space.kind == Kind::multi_binary) check_buttons(name);
}

/// What the column is, held against what the file declares.
void ActionReader::fit_space(const std::string& name, const ElementType& type) {
  const auto declared = read_text_attribute(file_, "action_space");
  const bool is_button = declared ? found_.space.kind == Kind::multi_binary
                                  : type.is_boolean() && found_.values.dim() == 2;
  const bool discrete =
      found_.values.dim() == 1 && found_.values.scalar_type() == at::kLong && !is_button;
  const auto num_members = static_cast<int64_t>(type.member_names.size());
  if (!discrete) {
    found_.values = found_.values.to(at::kFloat).view({num_frames_, -1}).contiguous();
  }
  int64_t width = discrete ? found_.space.width : found_.values.size(1);
  if (discrete && num_members > 0) width = num_members;
  const auto kind = discrete ? Kind::discrete : is_button ? Kind::multi_binary : Kind::continuous;
  if (declared && (found_.space.kind != kind || found_.space.width != width)) {
    throw DataError(
        c10::str("column '", name, "' is ", type.name, " ", found_.values.sizes(),
                 discrete && num_members > 0 ? c10::str(" of ", num_members, " choices") : "",
                 ", but the attribute action_space says ", *declared));
  }
  found_.space.kind = kind;
  found_.space.width = width;
  if (discrete && found_.space.names.empty()) found_.space.names = type.member_names;
}

/// Rows that led to their frames, as the file may declare, become the ones that follow them.
void ActionReader::follow_alignment() {
  const auto declared = read_text_attribute(file_, "action_alignment");
  if (!declared) return;
  const auto alignment = action_alignment_from(*declared);
  if (!alignment) {
    throw DataError("the attribute action_alignment is '" + declared->substr(0, 200) +
                    "'; known are 'after' or 'act[t]: obs[t]->obs[t+1]' (the action in row t is "
                    "taken at frame t), and 'before' or 'act[t]: obs[t-1]->obs[t]' (it led there)");
  }
  if (*alignment == ActionAlignment::after) return;
  found_.values = found_.values.clone();
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] == 0) continue;
    const int64_t first = episodes_.offsets[e];
    const at::Tensor rows = found_.values.slice(0, first, first + episodes_.frames[e]);
    rows.copy_(align_actions(rows, episodes_.frames[e], *alignment));
  }
}

/// Some writers put -1 where no action was taken, after an episode's last frame: 0 there.
void ActionReader::check_choices(const std::string& name) {
  if (found_.values.numel() == 0) return;
  if (found_.values.data_ptr() == found_.stored.data_ptr()) found_.values = found_.values.clone();
  auto* values = found_.values.data_ptr<int64_t>();
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] == 0) continue;
    auto& last = values[episodes_.offsets[e] + episodes_.frames[e] - 1];
    if (last == -1) last = 0;
  }
  for (int64_t row = 0; row < found_.values.numel(); ++row) {
    if (values[row] < 0) {
      throw DataError(c10::str("column '", name, "' holds the negative integer ", values[row],
                               " at frame ", row,
                               "; discrete actions are 0 to A-1 (only an episode's last action may "
                               "be -1), other numbers must be stored as float32"));
    }
    if (values[row] >= kMaxActionWidth) {
      throw DataError(
          c10::str("column '", name, "' holds ", values[row], " at frame ", row,
                   ": a choice becomes a row of as many numbers as there are choices, at "
                   "most ",
                   kMaxActionWidth,
                   "; number the actions that occur from 0 on, or store several numbers "
                   "[T, A]"));
    }
    if (found_.space.width > 0 && values[row] >= found_.space.width) {
      throw DataError(c10::str("column '", name, "' holds ", values[row], " at frame ", row,
                               ", but its action_space has ", found_.space.width, " actions (0 to ",
                               found_.space.width - 1, ")"));
    }
  }
}

/// Some writers put NaN where no action was taken, after an episode's last frame: zero there.
void ActionReader::check_numbers(const std::string& name) {
  if (found_.values.data_ptr() == found_.stored.data_ptr()) found_.values = found_.values.clone();
  auto* values = found_.values.data_ptr<float>();
  const int64_t width = found_.values.size(1);
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] == 0) continue;
    auto* last = values + (episodes_.offsets[e] + episodes_.frames[e] - 1) * width;
    std::replace_if(
        last, last + width, [](float value) { return !std::isfinite(value); }, 0.0F);
  }
  const at::Tensor bad_rows = at::isfinite(found_.values).all(1).logical_not().nonzero();
  if (bad_rows.numel() > 0) {
    throw DataError(c10::str("column '", name, "' is not finite at frame ",
                             bad_rows[0].item<int64_t>(),
                             "; only an episode's last action may be NaN"));
  }
}

/// -1 where no action was taken, after an episode's last frame, is 0, as for choices.
void ActionReader::check_buttons(const std::string& name) {
  auto* values = found_.values.data_ptr<float>();
  const int64_t width = found_.values.size(1);
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] == 0) continue;
    auto* last = values + (episodes_.offsets[e] + episodes_.frames[e] - 1) * width;
    std::replace(last, last + width, -1.0F, 0.0F);
  }
  for (int64_t i = 0; i < found_.values.numel(); ++i) {
    if (values[i] == 0 || values[i] == 1) continue;
    throw DataError(c10::str("column '", name, "' holds ", values[i], " at frame ", i / width,
                             ", button ", i % width,
                             "; a button is 0 or 1. Other numbers need the action_space ",
                             R"({"type":"continuous","dim":)", width, "}"));
  }
}

}  // namespace

ShardActions read_shard_actions(const H5File& file, int64_t num_frames,
                                const EpisodeRanges& episodes) {
  ActionReader reader(file, num_frames, episodes);
  reader.read();
  return reader.take();
}

}  // namespace nextframe
