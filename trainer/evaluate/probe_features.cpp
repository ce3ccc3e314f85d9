#include "trainer/evaluate/probe_features.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>

#include "kernels/base/philox.h"
#include "trainer/evaluate/metrics.h"

namespace nextframe {
namespace {

constexpr uint64_t kProjectionKey = 0x70726F6A65637469;  // "projecti": shares no bits with others
constexpr int64_t kMostProbedFrames = 128;               // of an episode
constexpr int64_t kMostProbedRows = 8192;
constexpr int64_t kMeanWidth = 128;  // of kProbeWidth, for the mean over tokens
constexpr size_t kMostProbedLayers = 8;
constexpr size_t kWindowsAtOnce = 8;

int64_t probed_length(const SourceEpisode& episode) {
  return std::min(episode.num_frames, kMostProbedFrames);
}

/// The windows of one episode.
void add_windows(size_t place, int64_t num_frames, int64_t window_frames, int64_t stride,
                 std::vector<ProbeFrames::Window>& windows) {
  const int64_t advance = std::max<int64_t>(1, window_frames / 2);
  int64_t known = std::min(kFirstScoredFrame, std::min(window_frames, num_frames) - 1);
  for (int64_t end = std::min(window_frames, num_frames); known < num_frames;
       end = std::min(end + advance, num_frames)) {
    ProbeFrames::Window window{
        .begin = std::max<int64_t>(0, end - window_frames), .end = end, .place = place, .rows = {}};
    for (; known < end; ++known) {
      if (known % stride == 0) window.rows.push_back(known - window.begin);
    }
    if (!window.rows.empty()) windows.push_back(std::move(window));
  }
}

std::vector<size_t> evenly_spread(size_t count, size_t most) {
  std::vector<size_t> chosen;
  const size_t kept = std::min(count, most);
  for (size_t i = 0; i < kept; ++i) {
    chosen.push_back(kept == 1 ? 0 : (i * (count - 1) + (kept - 1) / 2) / (kept - 1));
  }
  return chosen;
}

/// Calls `use` with neighbours of `windows` that begin alike and are equally long.
void for_each_batch(const ProbeFrames& frames,
                    const std::function<void(std::span<const ProbeFrames::Window>)>& use) {
  const auto& all = frames.windows;
  for (size_t first = 0, last = 0; first < all.size(); first = last) {
    while (last < all.size() && last - first < kWindowsAtOnce &&
           all[last].begin == all[first].begin && all[last].end == all[first].end) {
      ++last;
    }
    use(std::span(all).subspan(first, last - first));
  }
}

/// The rows of a batch of windows, from values [B, T, ...].
at::Tensor rows_of_batch(std::span<const ProbeFrames::Window> windows, const at::Tensor& values) {
  std::vector<at::Tensor> rows;
  for (size_t b = 0; b < windows.size(); ++b) {
    rows.push_back(values[static_cast<int64_t>(b)].index_select(
        0, at::tensor(windows[b].rows, at::kLong).to(values.device())));
  }
  return at::cat(rows);
}

/// Features of one layer from its states at some rows.
class LayerReader {
 public:
  LayerReader(int64_t tokens, int64_t width)
      : mean_width_(tokens > 1 ? std::min(width, kMeanWidth) : 0),
        of_mean_(width, std::max<int64_t>(mean_width_, 1)),
        of_all_(tokens * width, kProbeWidth - mean_width_) {}

  at::Tensor operator()(const at::Tensor& states_RND) const {
    const auto all_RF = of_all_(states_RND.flatten(1));
    if (mean_width_ == 0) return all_RF;
    return at::cat({of_mean_(states_RND.mean(1)), all_RF}, 1);
  }

 private:
  int64_t mean_width_;
  RandomProjection of_mean_, of_all_;
};

}  // namespace

ProbeFrames probe_frames(const EpisodeSource& source) {
  int64_t total = 0;
  for (const auto& episode : source.episodes) total += probed_length(episode);
  const int64_t stride = std::max<int64_t>(1, (total + kMostProbedRows - 1) / kMostProbedRows);
  const int64_t window_frames = std::max<int64_t>(1, source.shape.clip_frames - 1);
  ProbeFrames frames;
  for (size_t place = 0; place < source.episodes.size(); ++place) {
    add_windows(place, probed_length(source.episodes[place]), window_frames, stride,
                frames.windows);
  }
  std::stable_sort(frames.windows.begin(), frames.windows.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::vector<int64_t> places;
  for (const auto& window : frames.windows)
    places.insert(places.end(), window.rows.size(), static_cast<int64_t>(window.place));
  frames.place_R = at::tensor(places, at::kLong);
  return frames;
}

RandomProjection::RandomProjection(int64_t entries, int64_t width)
    : entries_(entries), width_(width) {
  if (entries <= width) return;
  const int64_t padded = (entries + width - 1) / width * width;
  std::vector<int64_t> order(static_cast<size_t>(padded));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::vector<float> sign(order.size());
  const uint64_t key = mix_key(kProjectionKey, static_cast<uint64_t>(entries));
  for (size_t i = 0; i < order.size(); ++i) {  // Fisher and Yates's shuffle
    const Philox bits(key, i, static_cast<uint64_t>(width));
    const uint64_t left = order.size() - i;
    std::swap(order[i], order[i + static_cast<size_t>(bits.value[0] * left >> 32)]);
    sign[i] = (bits.value[1] & 1) != 0 ? 1.0F : -1.0F;
  }
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i] < entries) continue;
    order[i] = 0;  // padding
    sign[i] = 0;
  }
  order_I_ = at::tensor(order, at::kLong);
  sign_I_ = at::tensor(sign, at::kFloat);
}

at::Tensor RandomProjection::operator()(const at::Tensor& values_RI) const {
  TORCH_CHECK(values_RI.dim() == 2 && values_RI.size(1) == entries_, "projection: needs [R, ",
              entries_, "], got ", values_RI.sizes());
  if (!order_I_.defined()) return values_RI;
  const auto signed_RI = values_RI.index_select(1, order_I_).mul_(sign_I_);
  return signed_RI.view({values_RI.size(0), -1, width_}).sum(1);
}

std::vector<LayerFeatures> network_features(Predictor& predictor, const EpisodeSource& source,
                                            const ProbeFrames& frames) {
  std::vector<LayerFeatures> layers;
  std::vector<LayerReader> readers;
  std::vector<std::vector<at::Tensor>> parts;
  for_each_batch(frames, [&](std::span<const ProbeFrames::Window> windows) {
    std::vector<Episode> clips;
    std::vector<int64_t> numbers;
    for (const auto& window : windows) {
      numbers.push_back(source.episodes[window.place].number);
      clips.push_back(source.read(numbers.back(), window.begin, window.end - window.begin));
    }
    const auto states = predictor.hidden_states(clips, numbers, windows.front().begin);
    if (readers.empty()) {
      for (const size_t i : evenly_spread(states.size(), kMostProbedLayers)) {
        const auto sizes = states[i].states_BTND.sizes();
        layers.push_back({static_cast<int64_t>(i), states[i].name, {}});
        readers.emplace_back(sizes[2], sizes[3]);
      }
      parts.resize(layers.size());
    }
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto& states_BTND = states[static_cast<size_t>(layers[i].layer)].states_BTND;
      parts[i].push_back(readers[i](rows_of_batch(windows, states_BTND)));
    }
  });
  for (size_t i = 0; i < layers.size(); ++i) layers[i].features_RF = at::cat(parts[i]);
  return layers;
}

at::Tensor pixel_features(const EpisodeSource& source, const ProbeFrames& frames) {
  const auto& shape = source.shape;
  const int64_t values = shape.height_px * shape.width_px * shape.channels;
  const RandomProjection project(2 * values, kProbeWidth);
  std::vector<at::Tensor> parts;
  for (const auto& window : frames.windows) {
    const auto number = source.episodes[window.place].number;
    const auto clip = source.read(number, window.begin, window.end - window.begin);
    const auto now_R = at::tensor(window.rows, at::kLong);
    const auto pixels_TI = to_unit_range(clip.frames_THWC).flatten(1);
    parts.push_back(project(at::cat(
        {pixels_TI.index_select(0, now_R), pixels_TI.index_select(0, (now_R - 1).clamp_min(0))},
        1)));
  }
  return at::cat(parts);
}

}  // namespace nextframe
