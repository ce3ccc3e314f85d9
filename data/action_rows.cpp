#include "data/action_rows.h"

#include <ATen/ATen.h>

#include <optional>

#include "data/column.h"
#include "data/h5_group.h"

namespace nextframe {
namespace {

/// Integers [T, 1] as [T].
at::Tensor without_width_of_one(const at::Tensor& values) {
  const bool is_list = values.dim() == 2 && values.size(1) == 1;
  return is_list && values.scalar_type() == at::kLong ? values.squeeze(1) : values;
}

bool is_list_shape(const std::vector<int64_t>& shape) {
  return shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
}

class ActionRowsReader {
 public:
  ActionRowsReader(const H5File& file, const EpisodeTable& table, int64_t num_frames,
                   const EpisodeRanges& episodes)
      : file_(file), table_(table), num_frames_(num_frames), episodes_(episodes) {}

  ActionRows read() {
    const auto by = table_.actions.by;
    found_.type = by == SpreadColumn::By::nothing   ? read_one_dataset()
                  : by == SpreadColumn::By::episode ? read_episodes()
                                                    : read_rows();
    return std::move(found_);
  }

 private:
  ElementType read_one_dataset();
  ElementType read_episodes();
  ElementType read_rows();
  ReadColumn read_dataset(const std::string& name, int64_t rows, const std::string& of) const;
  void require_like_first(const std::string& name, const ReadColumn& first,
                          const ReadColumn& column) const;

  const H5File& file_;
  const EpisodeTable& table_;
  int64_t num_frames_;
  const EpisodeRanges& episodes_;
  ActionRows found_;
};

/// The first axis must have so many rows; `of` says of what: "40 frames".
ReadColumn ActionRowsReader::read_dataset(const std::string& name, int64_t rows,
                                          const std::string& of) const {
  const auto check = [&](const std::vector<int64_t>& shape, const ElementType& type) {
    const bool is_list = is_list_shape(shape);
    const bool is_table = shape.size() == 2 && shape[1] > 0 && shape[1] <= kMaxActionWidth;
    const bool has_rows = (is_list || is_table) && shape[0] == rows;
    // A boolean a button is an action, several choices at once are none.
    const bool is_vector = is_table && !is_list;
    if (has_rows && !(is_vector && type.kind == ElementType::Kind::choice && !type.is_boolean())) {
      return;
    }
    throw DataError(c10::str("column '", name, "' is ", type.name, " [", c10::Join(", ", shape),
                             "] for ", of,
                             "; needed: integers or an enum "
                             "[T], or numbers or booleans [T, A]"));
  };
  return read_typed_column(file_, name, check);
}

ElementType ActionRowsReader::read_one_dataset() {
  auto column =
      read_dataset(table_.actions.datasets.front(), num_frames_, c10::str(num_frames_, " frames"));
  found_.stored = column.values;
  found_.values = without_width_of_one(column.values);
  return column.type;
}

void ActionRowsReader::require_like_first(const std::string& name, const ReadColumn& first,
                                          const ReadColumn& column) const {
  const bool is_alike = column.values.sizes().slice(1) == first.values.sizes().slice(1) &&
                        column.values.scalar_type() == first.values.scalar_type() &&
                        column.type.member_names == first.type.member_names &&
                        column.type.is_boolean() == first.type.is_boolean();
  if (is_alike) return;
  const auto words = [](const ReadColumn& of) {
    return c10::str(of.type.name, " ", of.values.sizes());
  };
  throw DataError(c10::str("'", name, "' is ", words(column), ", and '",
                           table_.actions.datasets.front(), "' is ", words(first),
                           "; needed: actions of one kind and width in a file"));
}

/// Each episode has a dataset of its own; all become one.
ElementType ActionRowsReader::read_episodes() {
  const auto& datasets = table_.actions.datasets;
  TORCH_INTERNAL_ASSERT(datasets.size() == episodes_.frames.size());
  std::optional<ReadColumn> first;
  for (size_t e = 0; e < datasets.size(); ++e) {
    const int64_t frames = episodes_.frames[e];
    if (h5_kind(file_, datasets[e]) != H5Kind::dataset) {
      throw DataError(
          "has no dataset '" + datasets[e] +
          "' of actions; name another one with data.columns.actions, or set it to none");
    }
    auto column = read_dataset(
        datasets[e], frames - table_.missing_actions,
        c10::str(frames, " frames",
                 table_.missing_actions > 0 ? ", of which the last has no action" : ""));
    column.values = without_width_of_one(column.values);
    if (!first) {
      first = column;
      auto sizes = column.values.sizes().vec();
      sizes[0] = num_frames_;
      found_.values = at::zeros(sizes, column.values.options());
    }
    require_like_first(datasets[e], *first, column);
    const int64_t begin = episodes_.offsets[e];
    found_.values.slice(0, begin, begin + column.values.size(0)).copy_(column.values);
  }
  return first->type;
}

/// Each row is a dataset [A].
ElementType ActionRowsReader::read_rows() {
  const auto& datasets = table_.actions.datasets;
  std::optional<ReadColumn> first;
  for (size_t row = 0; row < datasets.size(); ++row) {
    const auto check = [&](const std::vector<int64_t>& shape, const ElementType& type) {
      if (shape.size() == 1 && shape[0] > 0 && shape[0] <= kMaxActionWidth && type.is_number()) {
        return;
      }
      throw DataError(c10::str("'", datasets[row], "' is ", type.name, " [", c10::Join(", ", shape),
                               "]; needed: the numbers of one action [A]"));
    };
    if (h5_kind(file_, datasets[row]) != H5Kind::dataset) {
      throw DataError("has no dataset '" + datasets[row] + "', the action of a frame");
    }
    auto column = read_typed_column(file_, datasets[row], check);
    column.values = column.values.unsqueeze(0);
    if (!first) {
      first = column;
      found_.values = at::zeros({num_frames_, column.values.size(1)}, column.values.options());
    }
    require_like_first(datasets[row], *first, column);
    found_.values[static_cast<int64_t>(row)].copy_(column.values[0]);
  }
  return first->type;
}

}  // namespace

ActionRows read_action_rows(const H5File& file, const EpisodeTable& table, int64_t num_frames,
                            const EpisodeRanges& episodes) {
  return ActionRowsReader(file, table, num_frames, episodes).read();
}

}  // namespace nextframe
