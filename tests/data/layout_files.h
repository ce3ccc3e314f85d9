// Small HDF5 files in the layouts of other projects, whose frames say which episode, which time and
// which action led to them.
#pragma once

#include <ATen/ATen.h>
#include <hdf5.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/h5.h"

namespace nextframe::testing_layouts {

inline H5File create_foreign(const std::filesystem::path& path) {
  const H5Lock lock;  // before anything else is asked of HDF5
  return H5File(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "create");
}

inline H5PropertyList with_groups() {
  H5PropertyList links(H5Pcreate(H5P_LINK_CREATE), "create");
  H5Pset_create_intermediate_group(links.get(), 1);
  return links;
}

inline hid_t type_of(const at::Tensor& values) {
  switch (values.scalar_type()) {
    case at::kByte:
      return H5T_STD_U8LE;
    case at::kLong:
      return H5T_STD_I64LE;
    case at::kBool:
      return H5T_STD_U8LE;
    default:
      return H5T_IEEE_F64LE;
  }
}

/// Groups on the way are made. `chunk`: extents; empty for one run of bytes.
inline void put(const H5File& file, const std::string& path, const at::Tensor& values,
                const std::vector<hsize_t>& chunk = {}) {
  const H5Lock lock;
  const at::Tensor rows = values.contiguous();
  const std::vector<hsize_t> shape(rows.sizes().begin(), rows.sizes().end());
  const H5Space space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                      "create");
  const H5PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), "create");
  if (!chunk.empty()) {
    H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
    H5Pset_deflate(creation.get(), 4);
  }
  const auto links = with_groups();
  const hid_t type = type_of(rows);
  const H5Dataset dataset(H5Dcreate2(file.get(), path.c_str(), type, space.get(), links.get(),
                                     creation.get(), H5P_DEFAULT),
                          "create " + path);
  if (rows.numel() == 0) return;
  check_h5(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.const_data_ptr()),
           "write");
}

inline void put_byte_lists(const H5File& file, const std::string& path,
                           const std::vector<std::string>& lists, hsize_t chunk = 0) {
  const H5Lock lock;
  const H5Type type(H5Tvlen_create(H5T_STD_U8LE), "create");
  const hsize_t size = lists.size();
  const H5Space space(H5Screate_simple(1, &size, nullptr), "create");
  const H5PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), "create");
  if (chunk > 0) H5Pset_chunk(creation.get(), 1, &chunk);
  const auto links = with_groups();
  const H5Dataset dataset(H5Dcreate2(file.get(), path.c_str(), type.get(), space.get(), links.get(),
                                     creation.get(), H5P_DEFAULT),
                          "create " + path);
  std::vector<hvl_t> values;
  for (const auto& list : lists) values.push_back({list.size(), const_cast<char*>(list.data())});
  check_h5(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
           "write");
}

/// Texts of 8 bytes, as NumPy's S8.
inline void put_names(const H5File& file, const std::string& path,
                      const std::vector<std::string>& names) {
  const H5Lock lock;
  const H5Type type(H5Tcopy(H5T_C_S1), "copy");
  H5Tset_size(type.get(), 8);
  std::string bytes;
  for (auto name : names) {
    name.resize(8, '\0');
    bytes += name;
  }
  const hsize_t size = names.size();
  const H5Space space(H5Screate_simple(1, &size, nullptr), "create");
  const auto links = with_groups();
  const H5Dataset dataset(H5Dcreate2(file.get(), path.c_str(), type.get(), space.get(), links.get(),
                                     H5P_DEFAULT, H5P_DEFAULT),
                          "create " + path);
  check_h5(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
           "write");
}

inline void put_text_attribute(const H5File& file, const std::string& object,
                               const std::string& name, const std::string& value) {
  const H5Lock lock;
  const H5Type type(H5Tcopy(H5T_C_S1), "copy");
  H5Tset_size(type.get(), value.size() + 1);
  const H5Space space(H5Screate(H5S_SCALAR), "create");
  const H5Attribute attribute(
      H5Acreate_by_name(file.get(), object.c_str(), name.c_str(), type.get(), space.get(),
                        H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      "create");
  check_h5(H5Awrite(attribute.get(), type.get(), value.c_str()), "write");
}

// ---- what is in them

inline constexpr int64_t kEpisodes = 12, kChoices = 5;

/// frames [T+1, 8, 10, 3], actions int64 [T]: action t leads from frame t to frame t+1.
struct TrueEpisode {
  at::Tensor frames_THWC, actions;
};

/// The first pixel is episode, time and the action before; the lowest row is red 200, green 100,
/// blue 50.
inline TrueEpisode true_episode(int64_t episode) {
  const int64_t steps = 6 + episode % 3;
  TrueEpisode made{at::zeros({steps + 1, 8, 10, 3}, at::kByte),
                   (at::arange(steps) * 3 + episode).remainder(kChoices)};
  const int64_t colours[] = {200, 100, 50};
  for (int64_t c = 0; c < 3; ++c) {
    made.frames_THWC.select(3, c).select(1, 7).fill_(colours[c]);
  }
  const at::Tensor stamp_T3 = made.frames_THWC.select(1, 0).select(1, 0);
  stamp_T3.select(1, 0).fill_(episode);
  stamp_T3.select(1, 1).copy_(at::arange(steps + 1));
  stamp_T3.select(1, 2).slice(0, 1).copy_(made.actions);
  return made;
}

inline at::Tensor as_one_hot(const at::Tensor& actions, int64_t width) {
  return at::zeros({actions.size(0), width}, at::kDouble).scatter_(1, actions.unsqueeze(1), 1.0);
}

inline at::Tensor of_all(const std::function<at::Tensor(const TrueEpisode&)>& part) {
  std::vector<at::Tensor> parts;
  for (int64_t e = 0; e < kEpisodes; ++e) parts.push_back(part(true_episode(e)));
  return at::cat(parts);
}

inline void put_demos(const H5File& file, const std::string& camera, int64_t shift, bool flip) {
  for (int64_t e = 0; e < kEpisodes; ++e) {
    const auto made = true_episode(e);
    const std::string demo = "data/demo_" + std::to_string(e);
    const int64_t steps = made.actions.size(0);
    auto frames = made.frames_THWC.slice(0, shift, shift + steps);
    if (flip) frames = frames.flip(1);
    put(file, demo + "/obs/" + camera, frames, {2, 8, 10, 3});
    put(file, demo + "/actions", as_one_hot(made.actions, 7));
  }
}

inline void put_robomimic(const H5File& file) {
  put_demos(file, "agentview_image", 0, false);
  put_names(file, "mask/valid", {"demo_10", "demo_2"});
}

inline void put_libero(const H5File& file) {
  put_demos(file, "agentview_rgb", 1, true);
  put_text_attribute(file, "data", "macros_image_convention", "opengl");
}

inline void put_minari(const H5File& file) {
  for (int64_t e = 0; e < kEpisodes; ++e) {
    const auto made = true_episode(e);
    const std::string group = "episode_" + std::to_string(e);
    put(file, group + "/observations/image", made.frames_THWC, {4, 4, 5, 1});
    put(file, group + "/actions", made.actions);
  }
}

inline void put_d4rl(const H5File& file) {
  put(file, "observations",
      of_all([](const auto& e) { return e.frames_THWC.slice(0, 0, e.actions.size(0)); }));
  put(file, "actions", of_all([](const auto& e) { return as_one_hot(e.actions, 7); }));
  const at::Tensor ends =
      of_all([](const auto& e) { return at::arange(e.actions.size(0)).eq(e.actions.size(0) - 1); });
  const at::Tensor number = ends.cumsum(0).remainder(2).eq(1);
  put(file, "terminals", ends.logical_and(number));
  put(file, "timeouts", ends.logical_and(number.logical_not()));
}

inline void put_csgo(const H5File& file) {
  const auto made = true_episode(2);
  for (int64_t t = 0; t < made.actions.size(0); ++t) {
    const std::string frame = "frame_" + std::to_string(t);
    put(file, frame + "_x", made.frames_THWC[t].flip(2));
    put(file, frame + "_y", as_one_hot(made.actions.slice(0, t, t + 1), 51)[0]);
  }
}

inline void put_videogpt(const H5File& file) {
  for (const std::string split : {"train", "test"}) {
    std::vector<at::Tensor> frames;
    std::vector<int64_t> first;
    int64_t rows = 0;
    for (int64_t e = split == "train" ? 0 : 9; e < (split == "train" ? 9 : kEpisodes); ++e) {
      frames.push_back(true_episode(e).frames_THWC);
      first.push_back(rows);
      rows += frames.back().size(0);
    }
    put(file, split + "_data", at::cat(frames));
    put(file, split + "_idx", at::tensor(first));
  }
}

inline void put_tinyworlds(const H5File& file) {
  put(file, "frames", true_episode(0).frames_THWC, {7, 8, 10, 3});
}

inline void put_channels_first(const H5File& file) {
  put(file, "pixels", of_all([](const auto& e) {
                        return e.frames_THWC.slice(0, 0, e.actions.size(0));
                      }).permute({0, 3, 1, 2}));
  put(file, "action", of_all([](const auto& e) { return e.actions; }));
  std::vector<int64_t> lengths, offsets;
  int64_t rows = 0;
  for (int64_t e = 0; e < kEpisodes; ++e) {
    lengths.push_back(true_episode(e).actions.size(0));
    offsets.push_back(rows);
    rows += lengths.back();
  }
  put(file, "ep_len", at::tensor(lengths));
  put(file, "ep_offset", at::tensor(offsets));
}

using Writer = void (*)(const H5File&);

inline const std::map<std::string, Writer>& layout_writers() {
  static const std::map<std::string, Writer> writers{{"robomimic", put_robomimic},
                                                     {"libero", put_libero},
                                                     {"minari", put_minari},
                                                     {"d4rl", put_d4rl},
                                                     {"csgo", put_csgo},
                                                     {"videogpt", put_videogpt},
                                                     {"tinyworlds", put_tinyworlds},
                                                     {"stable_worldmodel", put_channels_first}};
  return writers;
}

inline std::filesystem::path write_layout(const std::filesystem::path& folder,
                                          const std::string& name) {
  const auto path = folder / (name + ".h5");
  layout_writers().at(name)(create_foreign(path));
  return path;
}

}  // namespace nextframe::testing_layouts
