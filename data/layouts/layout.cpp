#include "data/layouts/layout.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "data/frame_dataset.h"
#include "data/h5_group.h"

namespace nextframe {
namespace {

constexpr size_t kMostNamed = 20;

std::string listed(std::vector<std::string> names) {
  const size_t all = names.size();
  if (all > kMostNamed) names.resize(kMostNamed);
  auto text = c10::Join(" ", names);
  return all > kMostNamed ? c10::str(text, " and ", all - kMostNamed, " more") : text;
}

std::string describe_entries(std::vector<H5Entry> entries, const std::string& group = "") {
  std::vector<std::string> lines;
  for (auto& entry : entries) {
    entry.path = h5_join(group, entry.path);
    lines.push_back(entry.describe());
  }
  if (lines.size() > kMostNamed) {
    lines.resize(kMostNamed);
    lines.emplace_back("...");
  }
  return lines.empty() ? "nothing" : c10::Join(", ", lines);
}

/// The one that is asked for. A name without its folder is enough: agentview_image.
FoundFrames asked_for(const std::vector<H5Entry>& entries, const H5File& file,
                      const std::string& base, const std::string& asked) {
  const auto is_it = [&](const H5Entry& entry) {
    return entry.path == asked || entry.path.ends_with("/" + asked);
  };
  if (entries.size() == 1 && entries[0].path.empty() && base.ends_with(asked)) {
    return {"", is_encoded_frames(file, base, entries[0])};
  }
  auto found = std::ranges::find(entries, asked, &H5Entry::path);
  if (found == entries.end() && std::ranges::count_if(entries, is_it) > 1) {
    throw DataError(c10::str("has several datasets that end in '", asked, "' in '", base,
                             "'; name one of them whole: ", describe_entries(entries)));
  }
  if (found == entries.end()) found = std::ranges::find_if(entries, is_it);
  if (found == entries.end()) {
    throw DataError(
        c10::str("has no dataset '", asked, "' in '", base,
                 "', which data.columns.frames names; there are: ", describe_entries(entries)));
  }
  return {found->path, is_encoded_frames(file, h5_join(base, found->path), *found)};
}

EpisodeTable read_layout(const H5File& file, const std::string& name, const ReadAs& read_as) {
  auto table = LayoutRegistry::instance().get(name, "layout").read(file, read_as);
  table.layout = name;
  table.asked_alignment = action_alignment_from(read_as.alignment);
  table.alignment = table.asked_alignment.value_or(table.alignment);
  return table;
}

}  // namespace

std::vector<std::string> layout_names() {
  auto names = LayoutRegistry::instance().names();
  names.insert(names.begin(), "auto");
  return names;
}

EpisodeTable find_episodes(const H5File& file, const ReadAs& read_as) {
  const auto& layouts = LayoutRegistry::instance();
  if (read_as.layout != "auto") {
    const auto& layout = layouts.get(read_as.layout, "layout");
    if (layout.fits(file)) return read_layout(file, read_as.layout, read_as);
    throw DataError("is not of the layout " + read_as.layout + ", which has " + layout.needs +
                    "; in its root are: " + listed(h5_names(file)));
  }
  std::vector<std::string> fitting;
  for (const auto& name : layouts.names()) {
    if (layouts.get(name, "layout").fits(file)) fitting.push_back(name);
  }
  if (fitting.size() == 1) return read_layout(file, fitting.front(), read_as);
  if (fitting.size() > 1) {
    throw DataError("can be read as " + c10::Join(" and as ", fitting) +
                    "; choose one with data.layout, or with --layout");
  }
  throw DataError("has no column 'pixels' (columns: " + listed(h5_names(file)) +
                  "), and is of no other known layout (" + c10::Join(", ", layouts.names()) +
                  "); needed: pixels uint8 [T, H, W, C], ep_len [E], ep_offset [E], or see "
                  "docs/add-a-dataset.md");
}

FoundFrames choose_frames(const H5File& file, const std::string& episode, const std::string& group,
                          const std::string& asked) {
  const auto base = h5_join(episode, group);
  const auto entries = datasets_below(file, base);
  if (!asked.empty()) return asked_for(entries, file, base, asked);
  std::vector<H5Entry> found;
  std::ranges::copy_if(entries, std::back_inserter(found), [&](const auto& entry) {
    return looks_like_frames(entry) || is_encoded_frames(file, h5_join(base, entry.path), entry);
  });
  if (found.size() == 1) {
    const auto& only = found.front();
    return {only.path, is_encoded_frames(file, h5_join(base, only.path), only)};
  }
  if (found.empty()) {
    throw DataError(c10::str("holds no frames in '", base, "' (", describe_entries(entries),
                             "); needed: uint8 [T, H, W, C] with C 1 or 3. What holds states alone "
                             "has to be rendered first"));
  }
  throw DataError(c10::str(
      "has several datasets of frames in '", base,
      "'; name one with data.columns.frames (--frames-key): ", describe_entries(found, group)));
}

std::vector<std::string> in_each(const std::vector<std::string>& groups, const std::string& path) {
  std::vector<std::string> paths;
  for (const auto& group : groups) paths.push_back(h5_join(group, path));
  return paths;
}

SpreadColumn choose_actions(const std::vector<std::string>& groups, const std::string& usual,
                            const ReadAs& read_as) {
  if (read_as.actions == "none") return {};
  const auto& name = read_as.actions.empty() ? usual : read_as.actions;
  return {name, in_each(groups, name), SpreadColumn::By::episode};
}

void require_no_split(const ReadAs& read_as) {
  if (read_as.split.empty()) return;
  throw DataError("has no split '" + read_as.split +
                  "': its layout has none; leave data.train_split, data.validation_split or "
                  "--split out, and give held-out episodes in files of their own");
}

}  // namespace nextframe
