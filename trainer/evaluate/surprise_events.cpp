#include "trainer/evaluate/surprise_events.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/base/philox.h"
#include "trainer/evaluate/predictor.h"

namespace nextframe {
namespace {

using ViolationKind = Violation::Kind;
using FourClips = std::array<at::Tensor, 4>;

constexpr uint64_t kSurpriseKey = 0x7375727072697365;  // "surprise": shares no bits with others
constexpr int64_t kMostPlanned = 128;  // frames of an episode that an event is looked for in
constexpr int64_t kLeastContext = 6;   // frames before an event
constexpr int64_t kLeastShown = 3;     // of its clip, before it, in which the two courses differ
constexpr int64_t kMostTries = 48;     // frames at which an object's event is tried
constexpr double kLeastChange = 0.1;   // visible_change() of an event, and of its first two frames

/// Where an event's clip lies, and where in it surprise is measured. Nothing if there is no room.
std::optional<SurpriseEvent> laid_out(SurpriseEvent event, int64_t begin, int64_t num_frames,
                                      int64_t clip_frames) {
  event.begin = begin;
  event.end = begin + std::min(kSurpriseFrames, clip_frames - kFirstScoredFrame);
  if (begin < kLeastContext || event.end <= begin || event.end > num_frames) return std::nullopt;
  event.clip_begin = std::max<int64_t>(0, event.end - clip_frames);
  event.clip_end = std::min(num_frames, event.clip_begin + clip_frames);
  return event;
}

/// The four clips of an event whose courses are these, cut and put together.
FourClips cut_forms(const at::Tensor& usual_THWC, const at::Tensor& altered_THWC, int64_t frame) {
  const auto cut = [&](const at::Tensor& before, const at::Tensor& after) {
    return at::cat({before.slice(0, 0, frame), after.slice(0, frame)});
  };
  return {usual_THWC, altered_THWC, cut(usual_THWC, altered_THWC), cut(altered_THWC, usual_THWC)};
}

SurpriseQuadruplet quadruplet_of(const SurpriseEvent& event, const FourClips& episodes_THWC) {
  SurpriseQuadruplet four{.event = event, .clips_THWC = {}, .matched_WHW = {}};
  for (size_t i = 0; i < four.clips_THWC.size(); ++i) {
    four.clips_THWC[i] = episodes_THWC[i].slice(0, event.clip_begin, event.clip_end);
  }
  const auto alike = [&](size_t i, size_t j) {
    const auto part = [&](size_t k) {
      return episodes_THWC[k].slice(0, event.begin - 2, event.end);
    };
    return part(i).eq(part(j)).all(-1);
  };
  const auto matched_THW = alike(2, 1).logical_and(alike(3, 0));
  four.matched_WHW = matched_THW.slice(0, 2)
                         .logical_and(matched_THW.slice(0, 1, -1))
                         .logical_and(matched_THW.slice(0, 0, -2));
  return four;
}

double change_within(const SurpriseQuadruplet& four, int64_t frames) {
  const int64_t first = four.event.begin - four.event.clip_begin;
  const auto part = [&](size_t i) {
    return four.clips_THWC[i].slice(0, first, first + frames).to(at::kFloat).div(255.0);
  };
  const auto weight = four.matched_WHW.slice(0, 0, frames).unsqueeze(-1);
  const auto change = (part(0) - part(2)).square() + (part(1) - part(3)).square();
  return (change * weight).sum(at::kDouble).item<double>();
}

/// An event that swaps two courses at its frame. `differs_T`: whether these differ.
std::optional<SurpriseEvent> judged(const at::Tensor& usual_THWC, const at::Tensor& altered_THWC,
                                    const at::Tensor& differs_T, SurpriseEvent event,
                                    int64_t clip_frames, bool hidden_only) {
  const int64_t num_frames = usual_THWC.size(0), frame = event.violation.frame;
  const auto* differs = differs_T.const_data_ptr<bool>();
  const bool is_hidden = !differs[frame] && !differs[frame - 1] && !differs[frame - 2];
  if (hidden_only && !is_hidden) return std::nullopt;
  int64_t hides = frame, shows = frame;
  while (is_hidden && hides > 0 && !differs[hides - 1]) --hides;
  while (is_hidden && shows < num_frames && !differs[shows]) ++shows;
  event.hidden_frames = shows - hides;
  const auto laid = laid_out(event, shows, num_frames, clip_frames);
  if (!laid || hides - laid->clip_begin < kLeastShown) return std::nullopt;
  if (std::count(differs + laid->clip_begin, differs + hides, true) < kLeastShown)
    return std::nullopt;
  const auto four = quadruplet_of(*laid, cut_forms(usual_THWC, altered_THWC, frame));
  const bool is_visible = change_within(four, laid->end - laid->begin) >= kLeastChange &&
                          (is_hidden || change_within(four, 2) >= kLeastChange);
  return is_visible ? laid : std::nullopt;
}

/// Finds the event of one object of one episode.
class SurpriseSearch {
 public:
  SurpriseSearch(const EpisodeSource& source, SurpriseEvent event)
      : source_(source),
        event_(event),
        num_frames_(std::min(source.episodes[event.place].num_frames, kMostPlanned)),
        usual_THWC_(frames_of(event.violation)) {}

  /// A hidden event, or else, if wanted, the first one in full view.
  std::optional<SurpriseEvent> run(uint64_t bits, bool hidden_only) const {
    if (event_.violation.kind == ViolationKind::pass_through)
      return hidden_only ? std::nullopt : where_they_meet();
    const int64_t room = num_frames_ - kLeastContext - 1;
    if (room < 1) return std::nullopt;
    const int64_t step = (room + kMostTries - 1) / kMostTries;
    std::optional<SurpriseEvent> in_view;
    at::Tensor altered_THWC, differs_T;
    for (int64_t i = 0; i < room; i += step) {
      auto event = event_;
      event.violation.frame =
          kLeastContext +
          static_cast<int64_t>((bits + static_cast<uint64_t>(i)) % static_cast<uint64_t>(room));
      // Where an object stops depends on the frame; all else is altered the same way at any.
      if (!altered_THWC.defined() || event.violation.kind == ViolationKind::stop) {
        altered_THWC = frames_of(altered(event.violation));
        differs_T = usual_THWC_.ne(altered_THWC).flatten(1).any(1);
      }
      const auto found = judged(usual_THWC_, altered_THWC, differs_T, event,
                                source_.shape.clip_frames, hidden_only || in_view);
      if (found && found->hidden_frames > 0) return found;
      if (!in_view) in_view = found;
    }
    return in_view;
  }

 private:
  static Violation altered(Violation violation) {
    violation.is_altered_before = violation.is_altered_after = true;
    return violation;
  }

  at::Tensor frames_of(const Violation& violation) const {
    return replayed(source_, event_.number, {.num_frames = num_frames_, .violation = violation})
        .frames_THWC;
  }

  std::optional<SurpriseEvent> where_they_meet() const {
    FourClips episodes_THWC;
    const auto forms = quadruplet(event_.violation);
    for (size_t i = 0; i < forms.size(); ++i) episodes_THWC[i] = frames_of(forms[i]);
    const auto differs_T = episodes_THWC[0].ne(episodes_THWC[2]).flatten(1).any(1);
    if (!differs_T.any().item<bool>()) return std::nullopt;
    auto event = event_;
    event.violation.frame = differs_T.to(at::kInt).argmax().item<int64_t>();
    const auto laid =
        laid_out(event, event.violation.frame, num_frames_, source_.shape.clip_frames);
    if (!laid) return laid;
    const bool is_visible = visible_change(quadruplet_of(*laid, episodes_THWC)) >= kLeastChange;
    return is_visible ? laid : std::nullopt;
  }

  const EpisodeSource& source_;
  const SurpriseEvent event_;
  const int64_t num_frames_;
  const at::Tensor usual_THWC_;
};

const SimulatedWorld& world_of(const EpisodeSource& source, int64_t number) {
  return WorldRegistry::instance().get(source.origin(number)->world, "world");
}

}  // namespace

std::vector<ViolationKind> violation_kinds(const EpisodeSource& source) {
  std::vector<ViolationKind> kinds;
  for (const auto& episode : source.episodes) {
    for (const auto kind : world_of(source, episode.number).violations) {
      if (std::count(kinds.begin(), kinds.end(), kind) == 0) kinds.push_back(kind);
    }
  }
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

std::optional<SurpriseEvent> find_surprise(const EpisodeSource& source, size_t place,
                                           ViolationKind kind, double size) {
  const int64_t number = source.episodes[place].number;
  const auto& world = world_of(source, number);
  if (std::count(world.violations.begin(), world.violations.end(), kind) == 0) return std::nullopt;
  const Philox bits(kSurpriseKey, static_cast<uint64_t>(number), static_cast<uint64_t>(kind));
  const size_t num_objects = world.objects.size();
  std::optional<SurpriseEvent> in_view;
  for (size_t i = 0; i < num_objects; ++i) {
    const auto object = static_cast<int64_t>((bits.value[0] + i) % num_objects);
    const Violation violation{.kind = kind, .size = size, .object = object};
    const SurpriseSearch search(source, {.place = place, .number = number, .violation = violation});
    const auto found = search.run(bits.value[1], in_view.has_value());
    if (found && found->hidden_frames > 0) return found;
    if (!in_view) in_view = found;
  }
  return in_view;
}

SurpriseQuadruplet make_quadruplet(const EpisodeSource& source, const SurpriseEvent& event) {
  FourClips episodes_THWC;
  const auto forms = quadruplet(event.violation);
  for (size_t i = 0; i < forms.size(); ++i) {
    episodes_THWC[i] =
        replayed(source, event.number, {.num_frames = event.clip_end, .violation = forms[i]})
            .frames_THWC;
  }
  return quadruplet_of(event, episodes_THWC);
}

double visible_change(const SurpriseQuadruplet& quadruplet) {
  return change_within(quadruplet, quadruplet.event.end - quadruplet.event.begin);
}

}  // namespace nextframe
