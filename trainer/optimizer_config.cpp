#include "trainer/optimizer.h"

namespace nextframe {

void OptimizerConfig::fields(FieldVisitor& field) {
  field("lr", lr, "peak learning rate");
  field("beta1", beta1, "decay a step of the gradient's average");
  field("beta2", beta2, "decay a step of the squared gradient's average");
  field("epsilon", epsilon, "added to the root of the squared gradient's average");
  field("weight_decay", weight_decay, "decoupled; on tensors of two or more dimensions");
  field("clip_norm", clip_norm, "largest norm of the whole gradient; 0 turns clipping off");
  field("ema_decay", ema_decay, "decay a step of the weight average; 0 keeps none");
}

void OptimizerConfig::check(const Report& report) const {
  const auto fraction = [&](const char* field, double value) {
    if (value < 0 || value >= 1) report(field, "must be at least 0 and less than 1");
  };
  if (lr <= 0) report("lr", "must be more than 0");
  fraction("beta1", beta1);
  fraction("beta2", beta2);
  if (epsilon <= 0) report("epsilon", "must be more than 0");
  if (weight_decay < 0) report("weight_decay", "must be 0 or more");
  if (clip_norm < 0) report("clip_norm", "must be 0 or more");
  fraction("ema_decay", ema_decay);
}

}  // namespace nextframe
