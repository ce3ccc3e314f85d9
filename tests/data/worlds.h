// What tests of simulated worlds share.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "data/world.h"

namespace nextframe {

inline const SimulatedWorld& world_named(const std::string& name) {
  return WorldRegistry::instance().get(name, "world");
}

/// Worlds that name their objects: those that are scenes.
inline std::vector<std::string> scene_worlds() {
  auto names = WorldRegistry::instance().names();
  std::erase_if(names, [](const auto& name) { return world_named(name).objects.empty(); });
  return names;
}

/// A column as numbers, [T, ...] float64.
inline at::Tensor state_of(const RecordedEpisode& episode, const std::string& name) {
  for (const auto& column : episode.columns) {
    if (column.name == name) return column.values.to(at::kDouble);
  }
  throw std::out_of_range("no column " + name);
}

inline double number_of(const at::Tensor& tensor) { return tensor.item<double>(); }

/// Whether both hold the same bytes, true state included.
inline bool are_same(const RecordedEpisode& a, const RecordedEpisode& b) {
  bool same = at::equal(a.frames_THWC, b.frames_THWC) && a.columns.size() == b.columns.size() &&
              a.actions.defined() == b.actions.defined() &&
              (!a.actions.defined() || at::equal(a.actions, b.actions));
  for (size_t i = 0; same && i < a.columns.size(); ++i) {
    same = a.columns[i].name == b.columns[i].name &&
           at::equal(a.columns[i].values, b.columns[i].values);
  }
  return same;
}

}  // namespace nextframe
