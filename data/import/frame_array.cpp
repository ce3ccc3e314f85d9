#include "data/import/frame_array.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "data/error.h"

namespace nextframe {
namespace {

constexpr double kRounding = 1e-3;  // of what was scaled to 0 to 1

bool is_channels(int64_t size) { return size == 1 || size == 3; }

/// Why letters that were asked for are none of an array of `num_axes`, or "".
std::string problem_of_letters(const std::string& letters, size_t num_axes) {
  static const std::set<std::string> kLeading{"T", "NT", "TN"};
  const auto frame = letters.find_first_of("HWC");
  const auto is_once = [&](char letter) { return std::ranges::count(letters, letter) == 1; };
  const bool is_complete = is_once('H') && is_once('W') && std::ranges::count(letters, 'C') <= 1 &&
                           letters.find_first_not_of("NTHWC") == std::string::npos;
  if (!is_complete || !kLeading.contains(letters.substr(0, frame))) {
    return "--frames-layout '" + letters +
           "': needed: T, NT or TN, and then H, W and perhaps C in their order";
  }
  if (letters.size() == num_axes) return "";
  return c10::str("--frames-layout ", letters, " has ", letters.size(), " letters, the array ",
                  num_axes, " axes");
}

}  // namespace

std::string frame_letters(const NpyHeader& header, const std::string& asked, bool is_npy,
                          std::string& problem) {
  const auto& shape = header.shape;
  if (!asked.empty()) {
    problem = problem_of_letters(asked, shape.size());
    return problem.empty() ? asked : "";
  }
  if (shape.size() == 3) return "THW";
  if (shape.size() != 4 && shape.size() != 5) {
    problem = c10::str("has ", shape.size(), " axes, frames have 3 to 5");
    return "";
  }
  const size_t first = shape.size() - 3;  // of a frame
  const bool is_last = is_channels(shape.back()), is_first = is_channels(shape[first]);
  const std::string leading = shape.size() == 5 ? "NT" : "T";
  if (is_last && !is_first) return leading + "HWC";
  if (is_first && !is_last) return leading + "CHW";
  constexpr int64_t kMovingFrames = 20, kMovingSide = 64;  // of Moving MNIST's own file
  if (is_npy && shape.size() == 4 && shape[0] == kMovingFrames && shape[1] != kMovingFrames &&
      shape[2] == kMovingSide && shape[3] == kMovingSide) {
    return "TNHW";
  }
  if (shape.back() == 4) {
    problem = "has four channels; leave the alpha out: frames[..., :3]";
  } else if (is_last) {
    problem =
        "could have its channels last or first; say which with --frames-layout, for example " +
        leading + "HWC";
  } else {
    problem =
        "has no axis of 1 or 3 channels; if they are grey episodes, say with --frames-layout "
        "which axis is which: NTHW (episode after episode) or TNHW";
  }
  return "";
}

ValueRange value_range_from(const std::string& text) {
  ValueRange range;
  const char* end = text.data() + text.size();
  const auto low = std::from_chars(text.data(), end, range.low);
  if (low.ec == std::errc() && low.ptr != end && *low.ptr == ',') {
    const auto high = std::from_chars(low.ptr + 1, end, range.high);
    if (high.ec == std::errc() && high.ptr == end && range.low < range.high) return range;
  }
  throw DataError("--frames-range '" + text +
                  "': needed: the values of black and white, for example 0,1");
}

ValueRange guessed_range(double low, double high, bool is_whole, const std::string& type) {
  const std::string remedy =
      "; say with --frames-range which values are black and white, for "
      "example 0,1 or 0,255";
  const std::string found = c10::str("frames are ", type, ", of ", low, " to ", high);
  if (is_whole && low >= 0 && high > 1 && high <= 255) return {0, 255};
  if (is_whole || low == high) throw DataError(found + remedy);
  if (low >= -kRounding && high <= 1 + kRounding) return {0, 1};
  if (low >= -1 - kRounding && low < -0.5 && high <= 1 + kRounding && high > 0.5) return {-1, 1};
  if (low >= 0 && high > 2 && high <= 255) return {0, 255};
  throw DataError(found + remedy);
}

FrameArray::FrameArray(NpyHeader header, std::string letters)
    : header_(std::move(header)), letters_(std::move(letters)) {}

int64_t FrameArray::size_of(char letter, int64_t absent) const {
  const auto axis = letters_.find(letter);
  return axis == std::string::npos ? absent : header_.shape[axis];
}

int64_t FrameArray::frame_bytes() const {
  return height_px() * width_px() * channels() *
         static_cast<int64_t>(c10::elementSize(element_type(header_)));
}

at::Tensor FrameArray::read(ZipStream& stream, int64_t count) const {
  std::vector<int64_t> shape{count};
  for (size_t axis = letters_.find_first_of("HWC"); axis < letters_.size(); ++axis) {
    shape.push_back(header_.shape[axis]);
  }
  const at::Tensor stored = at::empty(shape, at::TensorOptions(element_type(header_)));
  stream.read(stored.data_ptr(), stored.nbytes());
  return stored;
}

at::Tensor FrameArray::as_bytes(const at::Tensor& stored, const ValueRange& range) const {
  at::Tensor frames = stored;
  if (header_.type == "|b1") {
    frames = stored.ne(0).to(at::kByte).mul(255);
  } else if (!has_bytes()) {
    const double scale = 255 / (range.high - range.low);
    frames = ((stored.to(at::kFloat) - range.low) * scale).round().clamp(0, 255).to(at::kByte);
  }
  const std::string axes = letters_.substr(letters_.find_first_of("HWC"));
  std::vector<int64_t> order{0};
  for (const char letter : {'H', 'W', 'C'}) {
    const auto axis = axes.find(letter);
    if (axis != std::string::npos) order.push_back(static_cast<int64_t>(axis) + 1);
  }
  frames = frames.permute(order);
  return (order.size() == 4 ? frames : frames.unsqueeze(3)).contiguous();
}

}  // namespace nextframe
