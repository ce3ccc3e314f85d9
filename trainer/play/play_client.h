// One player's conversation with a dream, without a network: a message in, an answer out.
//
// A message is a JSON object. Its `do` says what is asked for, and every one is answered once:
//
//   {"do": "step", "action": [2]}      the next frame; without `action` by the tape, see below
//   {"do": "look"}                     the newest frame once more
//   {"do": "rewind", "frames": 8}      takes frames back
//   {"do": "reset"}                    back to the context; "episode", "start" or "seed" begin anew
//   {"do": "sampling", "steps": 4, "guidance": 1}
//   {"do": "beside", "what": "truth"}  nothing, truth or simulator
//   {"do": "load", "log": "episode=3&..."}   begins the dream of a log; its actions are the tape
//   {"do": "recorded"}                 the recorded episode's actions are the tape
//   {"do": "log"}                      answered by {"kind": "log", "log": "episode=3&..."}
//   {"do": "record"}                   answered by {"kind": "recording"} and an animated WebP
//
// All others are answered by {"kind": "frame", ...} and pixels, or by {"kind": "error", "text":
// ".."}, after which the dream is as it was. An answer with bytes is one binary message: the length
// of its JSON in 4 bytes (little-endian), the JSON, the bytes.
#pragma once

#include <memory>
#include <string>

#include "trainer/play/dream_beside.h"

namespace nextframe {

struct PlayReply {
  bool is_binary = false;
  std::string bytes;
};

/// A message may be this long.
constexpr size_t kMostMessageBytes = size_t{1} << 20;

class PlayClient {
 public:
  /// `played` must outlive it.
  PlayClient(const PlayedModel& played, const DreamLog& begin, bool has_simulator);

  /// What there is to play, {"kind": "hello", ...}: before the first message.
  PlayReply hello() const;

  /// Whether answer() of this message takes long and leaves the model alone, so that it may run
  /// beside the answers to other players.
  static bool is_for_another_thread(const std::string& message);

  /// Throws nothing: whatever goes wrong is the answer.
  PlayReply answer(const std::string& message) noexcept;

 private:
  struct Asked;
  PlayReply obey(const Asked& asked);
  void step(const Asked& asked);
  void begin_anew(const Asked& asked);
  void show_beside(Beside beside);
  PlayReply frame(double compute_ms) const;
  PlayReply recording() const;

  const PlayedModel& played_;
  const bool has_simulator_;
  std::unique_ptr<DreamSession> dream_;
  Beside beside_ = Beside::nothing;
};

}  // namespace nextframe
