// Dreams of simulated episodes as objects: where each is, by the truth, in the true frames as a
// parser sees them, in the dream, and in trivial guesses.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/parse_objects.h"

namespace nextframe {

/// The columns of true state that object_tracks() reads.
inline const std::vector<std::string> kTrackedColumns{"object_position", "object_visible",
                                                      "object_colour", "object_present"};

/// An object at a frame, by the truth.
struct TrueObject {
  double x = 0, y = 0;  // px
  double visible = 0;   // share of its area that is seen

  bool is_whole() const { return visible > 0.99; }
  bool is_hidden() const { return visible < 0.001; }
};

/// One episode. Row 0 is the last frame of the context, row h the dreamed frame of horizon h.
struct ObjectTracks {
  std::vector<UnitColour> colours;             // of the K objects that are followed
  std::vector<std::vector<TrueObject>> truth;  // [1 + horizon][K]
  /// "model"; "parser": the true frames, parsed as the model's are; "copy_last": the last frame of
  /// the context again; "constant_velocity": it, moved on as from the frame before it.
  std::map<std::string, std::vector<std::vector<Sighting>>> seen;
  double gravity = 0;  // px / frame^2 of the data's frames; 0 for a world without the parameter

  int64_t horizon() const { return static_cast<int64_t>(truth.size()) - 1; }
};

/// Rollouts of all episodes that are longer than the context, one entry each. Objects are left out
/// whose colours are too alike to be told apart (nearer than 0.25), and those that are not present.
std::vector<ObjectTracks> object_tracks(EvaluationContext& evaluation);

}  // namespace nextframe
