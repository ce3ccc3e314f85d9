// Impossible events for tests of surprise: where in an episode each can happen, its four matched
// forms, and which of their pixels may be compared.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "trainer/evaluate/episode_source.h"

namespace nextframe {

/// Frames, from the first one that can tell, in which surprise is measured.
constexpr int64_t kSurpriseFrames = 6;

/// One event of one episode. Frames are counted in the episode.
struct SurpriseEvent {
  size_t place = 0;  // of the episode in the source
  int64_t number = 0;
  Violation violation{};
  int64_t hidden_frames = 0;  // so long nothing is seen of it, before and after; 0: it is seen
  int64_t clip_begin = 0, clip_end = 0;  // what the model is shown
  int64_t begin = 0, end = 0;            // where surprise is measured
};

/// The event's four forms, in the order of quadruplet(): two possible, two impossible ones.
struct SurpriseQuadruplet {
  SurpriseEvent event;
  std::array<at::Tensor, 4> clips_THWC;  // uint8, frames [clip_begin, clip_end)
  /// bool [end - begin, H, W]: where, in this frame and the two before it, the impossible clips
  /// together show what the possible ones do. Any predictor that looks at the last two frames,
  /// pixel by pixel, then makes the same errors in both pairs: it is at chance by construction.
  at::Tensor matched_WHW;
};

/// The kinds of violation that the source's worlds can show, each once.
std::vector<Violation::Kind> violation_kinds(const EpisodeSource& source);

/// An event of this kind in the episode at `place`: a hidden one if there is any (the frames of the
/// usual and the altered course are the same at the swap and for two frames before), else one in
/// full view. The clip shows enough of the object before to tell which is which. Object and frame
/// are drawn by the episode's number. Nothing if the world does not show the kind, or if the
/// episode has no frame for it.
std::optional<SurpriseEvent> find_surprise(const EpisodeSource& source, size_t place,
                                           Violation::Kind kind, double size);

SurpriseQuadruplet make_quadruplet(const EpisodeSource& source, const SurpriseEvent& event);

/// Sum of squares, over matched pixels and all four clips, of what an impossible clip shows instead
/// of the possible one that begins as it does: 0 if the event is not to be seen.
double visible_change(const SurpriseQuadruplet& quadruplet);

}  // namespace nextframe
