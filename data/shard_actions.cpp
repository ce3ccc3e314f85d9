#include "data/shard_actions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include "data/action_alignment.h"
#include "data/action_rows.h"

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
  ActionReader(const H5File& file, const EpisodeTable& table, int64_t num_frames,
               const EpisodeRanges& episodes)
      : file_(file), table_(table), num_frames_(num_frames), episodes_(episodes) {}

  void read();
  ShardActions take() { return std::move(found_); }

 private:
  void read_declared();
  void check_there_are_none() const;
  void fit_space(const ElementType& type);
  void follow_alignment();
  std::string holds(int64_t row) const;
  std::string at_frame(int64_t row) const;
  void keep_stored_apart();
  void check_choices();
  void check_numbers();
  void check_buttons();

  const H5File& file_;
  const EpisodeTable& table_;
  int64_t num_frames_;
  const EpisodeRanges& episodes_;
  std::optional<std::string> declared_;  // an action_space, as the file says it
  ShardActions found_;
};

void ActionReader::read() {
  read_declared();
  if (!table_.actions.is_there()) return check_there_are_none();
  auto rows = read_action_rows(file_, table_, num_frames_, episodes_);
  found_.stored = std::move(rows.stored);
  found_.values = std::move(rows.values);
  fit_space(rows.type);
  follow_alignment();
  if (found_.space.kind == Kind::discrete) return check_choices();
  check_numbers();
  if (found_.space.kind == Kind::multi_binary) check_buttons();
}

void ActionReader::read_declared() {
  if (table_.is_plain()) declared_ = read_text_attribute(file_, "action_space");
  if (table_.action_space) declared_ = to_json(*table_.action_space);
  if (declared_) found_.space = action_space_from_json(*declared_);
}

/// In our own layout a column that must be the actions is not passed over.
void ActionReader::check_there_are_none() const {
  if (declared_ && found_.space.kind != Kind::none) {
    throw DataError("declares an action_space but has no column 'action'; write both or neither");
  }
  if (declared_ || !table_.is_plain()) return;
  for (const auto& name : h5_names(file_)) {
    if (is_named_like_actions(name)) {
      throw DataError("has no column 'action', but one named '" + name +
                      "'; rename it to 'action', or declare that there are none with the attribute "
                      R"(action_space = {"type":"none"}), or set data.columns.actions: )" +
                      name);
    }
  }
}

/// "column 'action' holds", or of the episode's own dataset.
std::string ActionReader::holds(int64_t row) const {
  const auto& actions = table_.actions;
  std::string name = actions.datasets.front();
  if (actions.by == SpreadColumn::By::frame) name = actions.datasets[static_cast<size_t>(row)];
  if (actions.by == SpreadColumn::By::episode) {
    const auto after = std::ranges::upper_bound(episodes_.offsets, row);
    name = actions.datasets[static_cast<size_t>(after - episodes_.offsets.begin()) - 1];
  }
  return "column '" + name + "' holds ";
}

/// " at frame 5", of the file or of the episode.
std::string ActionReader::at_frame(int64_t row) const {
  if (table_.actions.by != SpreadColumn::By::episode) return c10::str(" at frame ", row);
  const auto after = std::ranges::upper_bound(episodes_.offsets, row);
  return c10::str(" at frame ", row - *(after - 1));
}

/// What the column is, held against what the file declares.
void ActionReader::fit_space(const ElementType& type) {
  const bool is_button = declared_ ? found_.space.kind == Kind::multi_binary
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
  if (declared_ && (found_.space.kind != kind || found_.space.width != width)) {
    throw DataError(
        c10::str("column '", table_.actions.name, "' is ", type.name, " ", found_.values.sizes(),
                 discrete && num_members > 0 ? c10::str(" of ", num_members, " choices") : "",
                 table_.action_space ? ", but the layout " + table_.layout + " has "
                                     : std::string(", but the attribute action_space says "),
                 *declared_));
  }
  found_.space.kind = kind;
  found_.space.width = width;
  if (discrete && found_.space.names.empty()) found_.space.names = type.member_names;
}

/// Rows that led to their frames, as the layout or the file may say, become those that follow them.
void ActionReader::follow_alignment() {
  auto alignment = table_.alignment;
  const auto declared = read_text_attribute(file_, "action_alignment");
  if (declared && table_.is_plain()) {
    const auto found = action_alignment_from(*declared);
    if (!found) {
      throw DataError(
          "the attribute action_alignment is '" + declared->substr(0, 200) +
          "'; known are 'after' or 'act[t]: obs[t]->obs[t+1]' (the action in row t is "
          "taken at frame t), and 'before' or 'act[t]: obs[t-1]->obs[t]' (it led there)");
    }
    if (table_.asked_alignment && *table_.asked_alignment != *found) {
      throw DataError("its attribute action_alignment says '" + declared->substr(0, 200) +
                      "', but data.columns.alignment or --action-alignment says otherwise; leave "
                      "that out, or take the attribute out of the file");
    }
    alignment = *found;
  }
  found_.alignment = alignment;
  if (alignment == ActionAlignment::after) return;
  found_.values = found_.values.clone();
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] == 0) continue;
    const int64_t first = episodes_.offsets[e], frames = episodes_.frames[e];
    const at::Tensor rows = found_.values.slice(0, first, first + frames);
    rows.copy_(align_actions(rows.slice(0, 0, frames - table_.missing_actions), frames, alignment));
  }
}

/// What is corrected in the values must not change what is stored.
void ActionReader::keep_stored_apart() {
  const bool is_shared =
      found_.stored.defined() && found_.values.data_ptr() == found_.stored.data_ptr();
  if (is_shared) found_.values = found_.values.clone();
}

/// Some writers put -1 where no action was taken, after an episode's last frame: 0 there.
void ActionReader::check_choices() {
  if (found_.values.numel() == 0) return;
  keep_stored_apart();
  auto* values = found_.values.data_ptr<int64_t>();
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] == 0) continue;
    auto& last = values[episodes_.offsets[e] + episodes_.frames[e] - 1];
    if (last == -1) last = 0;
  }
  for (int64_t row = 0; row < found_.values.numel(); ++row) {
    if (values[row] < 0) {
      throw DataError(c10::str(holds(row), "the negative integer ", values[row], at_frame(row),
                               "; discrete actions are 0 to A-1 (only an episode's last action may "
                               "be -1), other numbers must be stored as float32"));
    }
    if (values[row] >= kMaxActionWidth) {
      throw DataError(
          c10::str(holds(row), values[row], at_frame(row),
                   ": a choice becomes a row of as many numbers as there are choices, at "
                   "most ",
                   kMaxActionWidth,
                   "; number the actions that occur from 0 on, or store several numbers "
                   "[T, A]"));
    }
    if (found_.space.width > 0 && values[row] >= found_.space.width) {
      throw DataError(c10::str(holds(row), values[row], at_frame(row),
                               ", but its action_space has ", found_.space.width, " actions (0 to ",
                               found_.space.width - 1, ")"));
    }
  }
}

/// Some writers put NaN where no action was taken, after an episode's last frame: zero there.
void ActionReader::check_numbers() {
  keep_stored_apart();
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
    const auto row = bad_rows[0].item<int64_t>();
    throw DataError(c10::str(holds(row), "what is not finite", at_frame(row),
                             "; only an episode's last action may be NaN"));
  }
}

/// -1 where no action was taken, after an episode's last frame, is 0, as for choices.
void ActionReader::check_buttons() {
  auto* values = found_.values.data_ptr<float>();
  const int64_t width = found_.values.size(1);
  for (size_t e = 0; e < episodes_.frames.size(); ++e) {
    if (episodes_.frames[e] == 0) continue;
    auto* last = values + (episodes_.offsets[e] + episodes_.frames[e] - 1) * width;
    std::replace(last, last + width, -1.0F, 0.0F);
  }
  for (int64_t i = 0; i < found_.values.numel(); ++i) {
    if (values[i] == 0 || values[i] == 1) continue;
    throw DataError(c10::str(holds(i / width), values[i], at_frame(i / width), ", button ",
                             i % width,
                             "; a button is 0 or 1. Other numbers need the action_space ",
                             R"({"type":"continuous","dim":)", width, "}"));
  }
}

}  // namespace

ShardActions read_shard_actions(const H5File& file, const EpisodeTable& table, int64_t num_frames,
                                const EpisodeRanges& episodes) {
  ActionReader reader(file, table, num_frames, episodes);
  reader.read();
  return reader.take();
}

}  // namespace nextframe
