// How the training loop has the model evaluated, whatever comes of it.

#include <algorithm>

#include "kernels/base/clock.h"
#include "launch/hang/signs_of_life.h"
#include "trainer/exit_code.h"
#include "trainer/trainer.h"

namespace nextframe {

/// The root evaluates, with averaged weights if there are any, and the others wait for it; where
/// parameters are split, all ranks lend theirs for that time.
void Trainer::evaluate_model(const Evaluation& evaluate) {
  if (saver_.is_under_way()) finish_saving();  // even a process that dies in here loses no save
  const auto pause = watchdog_.pause("evaluate");
  const Stopwatch watch;
  if (sharding_.is_split()) {
    optimizer_.with_average([&] { evaluate_on_root(evaluate); });
  } else {
    evaluate_on_root([&](int64_t step, const std::function<void()>& show_life) {
      optimizer_.with_average([&] { evaluate(step, show_life); });
    });
  }
  last_record_s_ += watch.seconds();  // not part of a step's time
}

/// What goes wrong in an evaluation is told, and ends nothing.
void Trainer::evaluate_on_root(const Evaluation& evaluate) {
  SignsOfLife signs(*control_, watchdog_);
  if (!world_.is_root()) return signs.await_end();
  try {
    evaluate(position_.step, [&] { signs.give(); });
  } catch (...) {
    auto reason = describe_failure(std::current_exception()).message;
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    console_.say(c10::str("the evaluation of step ", position_.step,
                          " failed, and training goes on: ", reason));
  }
  signs.end();
}

}  // namespace nextframe
