// The `fill` suite: frames between two known ones, by a model that attends to whole clips.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/parse_objects.h"

namespace nextframe {
namespace {

constexpr int64_t kFillEpisodes = 32, kFillClips = 4;  // clips of an episode

/// Who fills in the frames.
const std::array<std::string, 4> kFillers{"both_ends", "first_alone", "cross_fade", "copy_first"};

/// What a frame of a clip adds, for each filler, and for the true frame as the parser sees it.
enum FillSum : size_t { kFillFrames, kFillPsnr, kFillSeen = 5, kFillOff = 10, kNumFillSums = 15 };
constexpr size_t kParser = kFillers.size();  // its place among kFillSeen and kFillOff

struct FilledClip {
  Episode truth;
  at::Tensor position_TK2;  // of objects, px; undefined where none are stored
};

/// The stored positions of objects, of whichever world the episode is.
at::Tensor object_positions(const EpisodeSource& source, int64_t number, int64_t first,
                            int64_t count) {
  if (!source.column_names || source.shape.channels != 3) return {};
  const auto names = source.column_names(number);
  for (const char* column : {"ball_position", "object_position"}) {
    if (std::count(names.begin(), names.end(), column) > 0)
      return source.read_column(number, column, first, count);
  }
  return {};
}

/// The colour at each object's centre in a true frame. Objects whose centre is outside, or that
/// another of nearly the same colour could be taken for, are left out: a colour per object, or
/// none.
std::vector<std::optional<UnitColour>> colours_at(const at::Tensor& frame_HWC,
                                                  const at::Tensor& position_K2) {
  constexpr double kAlike = 0.25;
  std::vector<std::optional<UnitColour>> colours;
  const auto background = background_of(frame_HWC);
  for (int64_t k = 0; k < position_K2.size(0); ++k) {
    const auto x = static_cast<int64_t>(std::floor(position_K2[k][0].item<double>()));
    const auto y = static_cast<int64_t>(std::floor(position_K2[k][1].item<double>()));
    colours.emplace_back();
    if (x < 0 || y < 0 || x >= frame_HWC.size(1) || y >= frame_HWC.size(0)) continue;
    UnitColour colour{};
    for (int64_t c = 0; c < 3; ++c)
      colour.at(static_cast<size_t>(c)) = frame_HWC[y][x][c].item<double>();
    const auto is_alike = [&](const auto& other) {
      return other.has_value() && distance(*other, colour) < kAlike;
    };
    if (distance(background, colour) < kAlike || std::ranges::any_of(colours, is_alike)) continue;
    colours.back() = colour;
  }
  return colours;
}

/// Adds how far the objects of a frame are from where they truly are, and how many are seen.
void add_positions(const at::Tensor& frame_HWC, const at::Tensor& position_K2,
                   const std::vector<std::optional<UnitColour>>& colours, size_t who, Sums& sums) {
  std::vector<UnitColour> known;
  std::vector<int64_t> places;
  for (size_t k = 0; k < colours.size(); ++k) {
    if (!colours[k]) continue;
    known.push_back(*colours[k]);
    places.push_back(static_cast<int64_t>(k));
  }
  const auto seen = parse_objects(frame_HWC, known, background_of(frame_HWC));
  for (size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i].is_seen()) continue;
    const double dx = seen[i].x - position_K2[places[i]][0].item<double>();
    const double dy = seen[i].y - position_K2[places[i]][1].item<double>();
    sums[kFillSeen + who] += 1;
    sums[kFillOff + who] += std::sqrt(dx * dx + dy * dy);
  }
}

class FillRun {
 public:
  explicit FillRun(EvaluationContext& evaluation)
      : evaluation_(evaluation), frames_(evaluation.held_out().shape.clip_frames) {
    by_frame_.resize(static_cast<size_t>(frames_));
  }

  /// Sums by frame of a clip, an entry for each episode that has one; that of a frame is empty at
  /// both ends.
  std::vector<std::vector<Sums>> run() {
    const auto& source = evaluation_.held_out();
    for (const auto& [number, num_frames] : source.episodes) {
      if (num_frames < frames_) continue;
      if (++num_episodes_ > kFillEpisodes) break;
      for (auto& of_frame : by_frame_) of_frame.emplace_back(kNumFillSums, 0.0);
      const int64_t clips = std::min(kFillClips, num_frames / frames_);
      for (int64_t clip = 0; clip < clips; ++clip) {
        const int64_t first = clips == 1 ? 0 : clip * (num_frames - frames_) / (clips - 1);
        score(
            {source.read(number, first, frames_), object_positions(source, number, first, frames_)},
            number, first);
      }
    }
    return std::move(by_frame_);
  }

 private:
  void score(const FilledClip& clip, int64_t number, int64_t first) {
    const auto truth = to_unit_range(clip.truth.frames_THWC);
    const auto fill = [&](const std::vector<int64_t>& known) {
      return evaluation_.predictor().fill(clip.truth, known, number, first);
    };
    const std::array<at::Tensor, 2> dreams{fill({0, frames_ - 1}), fill({0})};
    std::vector<std::optional<UnitColour>> colours;
    if (clip.position_TK2.defined()) colours = colours_at(truth[0], clip.position_TK2[0]);
    for (int64_t t = 1; t + 1 < frames_; ++t) {
      auto& sums = by_frame_[static_cast<size_t>(t)].back();
      const double share = static_cast<double>(t) / static_cast<double>(frames_ - 1);
      const std::array<at::Tensor, 4> guesses{dreams[0][t], dreams[1][t],
                                              truth[0].lerp(truth[-1], share), truth[0]};
      sums[kFillFrames] += 1;
      for (size_t who = 0; who < guesses.size(); ++who) {
        const auto guess = to_unit_range(guesses[who]);
        sums[kFillPsnr + who] += psnr_db(mean_squared_error(guess, truth[t]));
        if (!colours.empty()) add_positions(guess, clip.position_TK2[t], colours, who, sums);
      }
      if (!colours.empty()) add_positions(truth[t], clip.position_TK2[t], colours, kParser, sums);
    }
  }

  EvaluationContext& evaluation_;
  int64_t frames_, num_episodes_ = 0;
  std::vector<std::vector<Sums>> by_frame_;
};

Statistic fill_psnr(size_t who) {
  return [who](const Sums& s) { return ratio(s[kFillPsnr + who], s[kFillFrames]); };
}

Statistic fill_gain(size_t over) {
  return [over](const Sums& s) { return (s[kFillPsnr] - s[kFillPsnr + over]) / s[kFillFrames]; };
}

Statistic fill_off(size_t who) {
  return [who](const Sums& s) { return ratio(s[kFillOff + who], s[kFillSeen + who]); };
}

std::vector<Definition> fill_definitions(int64_t frames) {
  return {{"fill", c10::str("clips of ", frames, " frames, up to ", kFillClips,
                            " an episode, evenly spread, of the first ", kFillEpisodes,
                            " episodes; the model is given some frames and fills in the others")},
          {"both_ends", "it is given the first frame and the last"},
          {"first_alone", "it is given the first frame"},
          {"cross_fade", "the first frame fades into the last, pixel by pixel"},
          {"copy_first", "the first frame again"},
          {"psnr_db", "PSNR of the filled-in frames, mean over frames"},
          {"middle", "of the clip's middle frame; gain_over_X: both_ends less X, dB"},
          {"position_px",
           "distance of the objects, found by their colours, from where they truly are, px, mean "
           "over those that are found; parser: the same in the true frames"}};
}

void add_middle(const std::vector<Sums>& sums, Bootstrap& bootstrap, SuiteReport& report) {
  const auto add = [&](const std::string& name, const Statistic& statistic) {
    report.figures.push_back({"middle." + name, bootstrap.figure(sums, statistic)});
  };
  for (size_t who = 0; who < kFillers.size(); ++who)
    add(kFillers.at(who) + ".psnr_db", fill_psnr(who));
  add("gain_over_first_alone", fill_gain(1));
  add("gain_over_cross_fade", fill_gain(2));
  const bool has_objects =
      std::ranges::any_of(sums, [](const Sums& s) { return s[kFillSeen + kParser] > 0; });
  if (!has_objects) {
    report.notes.push_back("no position_px: no positions of objects are stored");
    return;
  }
  for (const size_t who : {size_t{0}, size_t{1}}) {
    add(kFillers.at(who) + ".position_px", fill_off(who));
    add(kFillers.at(who) + ".found",
        [who](const Sums& s) { return ratio(s[kFillSeen + who], s[kFillSeen + kParser]); });
  }
  add("parser.position_px", fill_off(kParser));
}

SuiteReport run_fill(EvaluationContext& evaluation) {
  const int64_t frames = evaluation.held_out().shape.clip_frames;
  SuiteReport report{"fill", {}, {}, fill_definitions(frames), {}};
  const auto by_frame = FillRun(evaluation).run();
  if (frames < 3 || by_frame[1].empty()) {
    report.notes.push_back(
        c10::str("no fill: no episode has a clip of ", std::max<int64_t>(3, frames), " frames"));
    return report;
  }
  auto& bootstrap = evaluation.bootstrap();
  add_middle(by_frame[static_cast<size_t>(frames / 2)], bootstrap, report);
  FigureTable table{"fill", "frame", {}};
  for (int64_t t = 1; t + 1 < frames; ++t) {
    const auto& sums = by_frame[static_cast<size_t>(t)];
    std::vector<NamedFigure> figures;
    for (size_t who = 0; who < kFillers.size(); ++who) {
      figures.push_back({kFillers.at(who) + ".psnr_db", bootstrap.figure(sums, fill_psnr(who))});
    }
    table.rows.push_back({t, std::move(figures)});
  }
  report.tables.push_back(std::move(table));
  return report;
}

NF_REGISTER_LONG_SUITE(fill, "frames between two known ones, by a model of whole clips", run_fill,
                       {.fills = true})

}  // namespace
}  // namespace nextframe
